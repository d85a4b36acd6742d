using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace LoraAspire.Model.Generation.Cpu.Threads;

/// <summary>
/// Threads that do one piece of work together, the caller among them. Between two pieces the others spin for a moment and then sleep.
/// </summary>
internal sealed class WorkerTeam : IDisposable
{
    private static readonly TimeSpan s_spinning = TimeSpan.FromMicroseconds(200);
    private const int SpinsBeforeYield = 1000;

    private readonly Thread[] _threads;
    private readonly SemaphoreSlim[] _wake;
    private readonly int[] _asleep;
    private volatile Action<int>? _work;
    private volatile int _piece, _round;
    private volatile ExceptionDispatchInfo? _fault;
    private int _arrived, _left;
    private volatile bool _over;

    public WorkerTeam(int size)
    {
        Size = Math.Max(1, size);
        _wake = [.. Enumerable.Range(1, Size - 1).Select(_ => new SemaphoreSlim(0))];
        _asleep = new int[Size - 1];
        _threads = [.. Enumerable.Range(1, Size - 1).Select(member =>
            new Thread(() => Serve(member)) { IsBackground = true, Name = $"model {member}" })];
        Array.ForEach(_threads, thread => thread.Start());
    }

    public int Size { get; }

    /// <summary>Runs the work once in each member, which it gets the number of, and returns when all are through.</summary>
    public void Run(Action<int> work)
    {
        (_work, _left, _fault) = (work, 0, null);
        Interlocked.Increment(ref _piece);
        for (var i = 0; i < _asleep.Length; i++)
        {
            if (Volatile.Read(ref _asleep[i]) != 0)
            {
                _wake[i].Release();
            }
        }
        Try(work, 0);
        for (var spins = 0; Volatile.Read(ref _left) < Size - 1; spins++)
        {
            Pause(spins);
        }
        _arrived = 0;
        _work = null;
        _fault?.Throw();
    }

    /// <summary>Waits within the work until every member is here.</summary>
    public void Meet()
    {
        var round = _round;
        if (Interlocked.Increment(ref _arrived) == Size)
        {
            Volatile.Write(ref _arrived, 0);
            _round = round + 1;
            return;
        }
        for (var spins = 0; _round == round; spins++)
        {
            if (_fault is not null)
            {
                throw new OperationCanceledException("Another thread of the step failed.");
            }
            Pause(spins);
        }
    }

    private void Serve(int member)
    {
        for (var seen = 0; ; seen++)
        {
            var since = Stopwatch.GetTimestamp();
            for (var spins = 0; _piece == seen && !_over; spins++)
            {
                if (Stopwatch.GetElapsedTime(since) < s_spinning)
                {
                    Thread.SpinWait(20);
                    continue;
                }
                Interlocked.Exchange(ref _asleep[member - 1], 1);
                if (_piece == seen && !_over)
                {
                    _wake[member - 1].Wait();
                }
                Volatile.Write(ref _asleep[member - 1], 0);
            }
            if (_over)
            {
                return;
            }
            Try(_work!, member);
            Interlocked.Increment(ref _left);
        }
    }

    private void Try(Action<int> work, int member)
    {
        try
        {
            work(member);
        }
        catch (Exception error)
        {
            _fault ??= ExceptionDispatchInfo.Capture(error); // Run throws it, in the caller.
        }
    }

    private static void Pause(int spins)
    {
        if (spins < SpinsBeforeYield)
        {
            Thread.SpinWait(1);
        }
        else
        {
            Thread.Yield(); // Someone else has the core that is waited for.
        }
    }

    public void Dispose()
    {
        _over = true;
        Array.ForEach(_wake, wake => wake.Release());
        Array.ForEach(_threads, thread => thread.Join());
        Array.ForEach(_wake, wake => wake.Dispose());
    }
}
