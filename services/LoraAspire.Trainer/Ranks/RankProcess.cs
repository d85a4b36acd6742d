using System.Diagnostics;
using System.Globalization;
using System.Text;
using System.Text.Json;
using LoraAspire.Model.Devices;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Terminal;
using LoraAspire.Runtime.Hosting;

namespace LoraAspire.Trainer.Ranks;

/// <summary>Rank 0's end of the pipes to the process of one more device.</summary>
internal sealed class RankProcess : IDisposable
{
    private const int LastLines = 3;
    private static readonly TimeSpan Leaving = TimeSpan.FromSeconds(3);

    private readonly Process _process;
    private readonly TaskCompletionSource<int> _port = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<string> _errors = new();
    private readonly int _rank;
    private RankFailure? _failure;

    public RankProcess(ProcessStartInfo program, RankTask task)
    {
        _rank = task.Rank;
        program.RedirectStandardInput = program.RedirectStandardOutput = program.RedirectStandardError = true;
        program.StandardInputEncoding = new UTF8Encoding(false);
        program.StandardOutputEncoding = program.StandardErrorEncoding = Encoding.UTF8;
        _process = Process.Start(program)!;
        Ended = ReadAsync();
        Say(task.ToText());
    }

    /// <summary>Done when it has ended and its words are read.</summary>
    public Task Ended { get; }

    /// <summary>Where it listens.</summary>
    /// <param name="all">The processes of all devices: without one of them there is nothing to wait for.</param>
    /// <exception cref="IOException">One ended before this one said so, or it says nothing.</exception>
    public int Port(RingWait wait, IReadOnlyList<RankProcess> all)
    {
        Task[] either = [_port.Task, .. all.Select(process => process.Ended)];
        if (Task.WaitAny(either, wait.Quiet) < 0)
        {
            wait.Say($"waits for the process of device {_rank} to begin, at most {wait.Longest.TotalSeconds:0} s");
        }
        return Task.WaitAny(either, wait.Longest - wait.Quiet) switch
        {
            0 => _port.Task.Result,
            < 0 => throw new IOException($"The process of device {_rank} said nothing within {wait.Longest.TotalSeconds:0} s."),
            var ended => throw new IOException($"The process of device {all[ended - 1]._rank} ended before it began."),
        };
    }

    public void Say(string line)
    {
        try
        {
            _process.StandardInput.WriteLine(line);
            _process.StandardInput.Flush();
        }
        catch (IOException)
        {
            // It has ended: how, its last words or its exit code say.
        }
    }

    /// <summary>How it ended; null while it runs, and after an end as it should be.</summary>
    public RankFailure? Failure => !Ended.IsCompleted ? null
        : _failure is { } told ? told with { Words = $"Device {_rank}: {told.Words}" }
        : _process.ExitCode == 0 ? null
        : new($"The process of device {_rank} {ProcessEnd.Of(_process.ExitCode)}."
            + string.Concat(_errors.Select(line => $" | {Identifiers.Shown(line)}")), IsTransient: true, IsLost: false);

    private async Task ReadAsync()
    {
        var reading = Task.WhenAll(ReadOutputAsync(), ReadErrorsAsync());
        await _process.WaitForExitAsync();
        // Who inherited the pipes may keep them open after its end.
        await Task.WhenAny(reading, Task.Delay(Leaving));
    }

    private async Task ReadOutputAsync()
    {
        while (await _process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.StartsWith(RankWords.Listening, StringComparison.Ordinal))
            {
                _port.TrySetResult(int.Parse(line.AsSpan(RankWords.Listening.Length), CultureInfo.InvariantCulture));
            }
            else if (line.StartsWith(RankWords.Failed, StringComparison.Ordinal))
            {
                _failure = JsonSerializer.Deserialize<RankFailure>(line.AsSpan(RankWords.Failed.Length));
            }
        }
    }

    private async Task ReadErrorsAsync()
    {
        while (await _process.StandardError.ReadLineAsync() is { } line)
        {
            if (line.Length > 0)
            {
                await Console.Error.WriteLineAsync($"device {_rank}: {TerminalText.Clean(line)}");
                _errors.Enqueue(line);
            }
            if (_errors.Count > LastLines)
            {
                _errors.Dequeue();
            }
        }
    }

    public void Dispose()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
        }
        _process.WaitForExit();
        _process.Dispose();
    }
}
