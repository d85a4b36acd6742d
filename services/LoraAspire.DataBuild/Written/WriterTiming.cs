namespace LoraAspire.DataBuild.Written;

/// <summary>How long the writer waits for what.</summary>
/// <param name="Answer">A model on a CPU may need minutes.</param>
/// <param name="LongestRetryAfter">A server that asks for more isn't waited for.</param>
internal sealed record WriterTiming(TimeSpan Answer, TimeSpan FirstDelay, TimeSpan LongestDelay, TimeSpan LongestRetryAfter)
{
    public WriterTiming() : this(TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(30), TimeSpan.FromMinutes(2)) { }

    public TimeProvider Clock { get; init; } = TimeProvider.System;
}
