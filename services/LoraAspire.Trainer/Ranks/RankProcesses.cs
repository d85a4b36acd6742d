using System.ComponentModel;
using System.Diagnostics;
using System.Security.Cryptography;
using LoraAspire.Model.Devices;
using LoraAspire.Model.Native;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Trainer.Ranks;

/// <summary>
/// The processes of all devices but the first, which is this process's own. One that ends before its time ends them all: whoever waits here
/// for it stops waiting.
/// </summary>
public sealed class RankProcesses : IDisposable
{
    // One failure makes others: the first words aren't always the ones that tell.
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(1);
    // Within 10 s of a death the attempt is over, whatever native code waits for.
    private static readonly TimeSpan LongestReturn = TimeSpan.FromSeconds(8);

    private readonly List<RankProcess> _ranks = [];
    private readonly CancellationTokenSource _broken = new(), _returned = new();
    private readonly Lock _lock = new();
    private Action? _abort;
    private bool _isOver;

    /// <summary>Returns when all have come.</summary>
    /// <param name="program">What to start for a rank.</param>
    /// <param name="work">What <see cref="RankSeat.Take"/> gets there.</param>
    /// <param name="say">Hears what is waited for, where it takes long.</param>
    /// <exception cref="StageException">One didn't come; the message has its words.</exception>
    public RankProcesses(int count, Func<int, ProcessStartInfo> program, string work, Action<string> say)
    {
        RingWait wait = new(RankSeat.Patience, say, Broken);
        var token = RandomNumberGenerator.GetBytes(Ring.TokenBytes);
        var (listener, port) = Ring.Listen();
        try
        {
            for (var rank = 1; rank < count; rank++)
            {
                RankProcess process = new(program(rank), new(rank, count, Convert.ToBase64String(token), work));
                _ranks.Add(process);
                // With the last order they end as they should.
                process.Ended.ContinueWith(_ => BreakBy(process), TaskScheduler.Default);
            }
            int[] ports = [port, .. _ranks.Select(rank => rank.Port(wait, _ranks))];
            _ranks.ForEach(rank => rank.Say(string.Join(' ', ports)));
            Ring = Ring.Join(listener, ports, new(0, count), token, wait);
            Broken.Register(Ring.Dispose);
        }
        catch (Exception error) when (error is IOException or Win32Exception)
        {
            var failure = Failure(error);
            Dispose();
            throw failure;
        }
    }

    public Ring Ring { get; } = null!;

    /// <summary>Cancelled when a process has ended before its time.</summary>
    public CancellationToken Broken => _broken.Token;

    /// <summary>What frees whoever waits for the others on this device.</summary>
    public void OnBroken(Action abort)
    {
        lock (_lock)
        {
            _abort = abort;
        }
        if (_broken.IsCancellationRequested)
        {
            abort();
        }
    }

    /// <summary>Why the group is broken, after an error that it made here.</summary>
    public StageException Failure(Exception? seen)
    {
        Task[] ends = [.. _ranks.Select(rank => rank.Ended)];
        if (ends.Length > 0)
        {
            Task.WaitAny(ends, Settling);
            Task.WaitAll(ends, _ranks.Any(rank => rank.Failure is { IsLost: true }) ? Settling : TimeSpan.Zero);
        }
        var failures = _ranks.Select(rank => rank.Failure).OfType<RankFailure>().OrderBy(failure => failure.IsLost).ToList();
        return failures is [var first, ..] ? new(first.Words, first.IsTransient, seen)
            : new(seen?.Message ?? "The process of another device ended before its time.", transient: true, seen);
    }

    /// <summary>Nobody here waits for them any more.</summary>
    public void Return() => _returned.Cancel();

    private void BreakBy(RankProcess ended)
    {
        Action? abort;
        lock (_lock)
        {
            if (_isOver || ended.Failure is null || _broken.IsCancellationRequested)
            {
                return;
            }
            abort = _abort;
        }
        _ = Task.Delay(LongestReturn, _returned.Token).ContinueWith(_ => GiveUp(), CancellationToken.None,
            TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
        _broken.Cancel();
        abort?.Invoke();
    }

    private void GiveUp()
    {
        Console.Error.WriteLine(Failure(seen: null).Message);
        NativeProcess.Exit(1);
    }

    /// <summary>Nobody goes on without rank 0, who has what was computed.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _isOver = true;
        }
        _returned.Cancel();
        _ranks.ForEach(rank => rank.Dispose());
        _ranks.Clear();
        Ring?.Dispose();
    }
}
