namespace LoraAspire.Runtime.Streams;

/// <summary>How often streams are looked at and when a reader counts as dead.</summary>
public sealed record StreamSettings
{
    /// <summary>What every time in a message is read from.</summary>
    public TimeProvider Clock { get; init; } = TimeProvider.System;

    public DateTimeOffset Now => Clock.GetUtcNow();

    /// <summary>Between two renewals of a worker's lease; also the longest a cancel takes to be heard.</summary>
    public TimeSpan Heartbeat { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A coordinator that hasn't been heard of for this long counts as dead.</summary>
    public TimeSpan CoordinatorLimit { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>So long a plan may take before its entry is put aside: with what is remembered one commit does for all.</summary>
    public TimeSpan PlanningMoment { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Who follows a run that stands still gives up after this long without a coordinator.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>
    /// And after this long without Redis, which takes a while to read a long log when it starts again; zero hears of it at once.
    /// </summary>
    public TimeSpan RedisLimit { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>A delivery not renewed for this long belongs to a dead reader and may be claimed.</summary>
    public TimeSpan IdleLimit { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>An entry delivered more often than this kills its readers: it goes to the dead letters.</summary>
    public int MaxDeliveries { get; init; } = 3;

    /// <summary>Shortest and longest wait between two looks at an empty stream; it doubles from one to the other.</summary>
    public TimeSpan PollMin { get; init; } = TimeSpan.FromMilliseconds(10);
    public TimeSpan PollMax { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Between two looks of a worker with a GPU for classes of orders that it doesn't know yet.</summary>
    public TimeSpan LearnClasses { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Between two signs of life of a worker, for the list of workers; after three that didn't come it is off it.</summary>
    public TimeSpan SignOfLife { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Points kept of a run's progress, about, and for how long after the last.</summary>
    public int ProgressLength { get; init; } = 20_000;
    public TimeSpan KeepProgress { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long the log of a run is kept after its end. What its stages made is kept by the store.</summary>
    public TimeSpan KeepRuns { get; init; } = TimeSpan.FromDays(180);

    /// <summary>Dead letters kept, about.</summary>
    public int DeadLength { get; init; } = 10_000;
}

/// <summary>The wait between two looks: short after something came, longer the longer nothing comes.</summary>
public sealed class PollDelay(StreamSettings options)
{
    private TimeSpan _next = options.PollMin;

    public void Reset() => _next = options.PollMin;

    public async Task WaitAsync(CancellationToken cancellationToken)
    {
        await Task.Delay(_next, cancellationToken);
        _next = _next * 2 < options.PollMax ? _next * 2 : options.PollMax;
    }
}
