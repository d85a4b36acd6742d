namespace LoraAspire.Model.Devices;

/// <summary>How who joins a ring waits for the others.</summary>
/// <param name="Say">Hears what is waited for, where it takes longer than <see cref="Quiet"/>.</param>
/// <param name="Over">Falls when the others will not all come.</param>
public sealed record RingWait(TimeSpan Longest, Action<string> Say, CancellationToken Over = default)
{
    public TimeSpan Quiet { get; init; } = TimeSpan.FromSeconds(5);
}
