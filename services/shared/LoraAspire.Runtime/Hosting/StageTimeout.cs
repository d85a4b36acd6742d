namespace LoraAspire.Runtime.Hosting;

/// <summary>A token that falls after any length of time: a timer of .NET takes at most 49 days.</summary>
internal sealed class StageTimeout : IDisposable
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(20);

    private readonly CancellationTokenSource _passed = new();
    private readonly Timer _timer;
    private TimeSpan _left;

    /// <param name="after">Null: never.</param>
    public StageTimeout(TimeSpan? after)
    {
        _left = after ?? TimeSpan.Zero;
        _timer = new Timer(_ => Go(), null, after is null ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
    }

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
