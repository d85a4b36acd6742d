namespace LoraAspire.Runtime.Hosting;

/// <summary>A token that falls any length of time after the start: a timer of .NET takes at most 49 days.</summary>
internal sealed class StageTimeout : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(20);

    private readonly CancellationTokenSource _passed = new();
    private readonly ITimer _timer;
    private readonly TimeSpan _first;
    private TimeSpan _left;

    /// <param name="after">Null: never.</param>
    public StageTimeout(TimeSpan? after, TimeProvider clock)
    {
        _left = after ?? TimeSpan.Zero;
        _first = after is null ? Timeout.InfiniteTimeSpan : TimeSpan.Zero;
        _timer = clock.CreateTimer(_ => Go(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    public void Start() => _timer.Change(_first, Timeout.InfiniteTimeSpan);

    public CancellationToken Token => _passed.Token;

    public bool HasPassed => _passed.IsCancellationRequested;

    public void Dispose()
    {
        _timer.Dispose();
        _passed.Dispose();
    }

    private void Go()
    {
        if (_left <= TimeSpan.Zero)
        {
            _passed.Cancel();
            return;
        }
        var next = _left < Longest ? _left : Longest;
        _left -= next;
        _timer.Change(next, Timeout.InfiniteTimeSpan);
    }
}
