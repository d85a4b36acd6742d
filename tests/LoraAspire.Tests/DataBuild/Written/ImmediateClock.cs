namespace LoraAspire.Tests.DataBuild.Written;

/// <summary>Every wait ends at once and is remembered.</summary>
internal sealed class ImmediateClock : TimeProvider
{
    public List<TimeSpan> Waits { get; } = [];

    /// <summary>Called before a wait ends.</summary>
    public Action OnWait { get; init; } = () => { };

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        Waits.Add(dueTime);
        OnWait();
        return base.CreateTimer(callback, state, TimeSpan.Zero, period);
    }
}
