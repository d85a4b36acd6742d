using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>Hashing as the stage's progress, for what takes long enough to be wondered at.</summary>
internal sealed class CheckReport(IProgress<StageProgress> report) : IProgress<HashProgress>
{
    private static readonly long Interval = TimeSpan.FromSeconds(1).Ticks;
    private long _next = TimeProvider.System.GetUtcNow().UtcDateTime.Ticks + Interval;

    public void Report(HashProgress value)
    {
        var (now, next) = (TimeProvider.System.GetUtcNow().UtcDateTime.Ticks, Interlocked.Read(ref _next));
        if (now >= next && Interlocked.CompareExchange(ref _next, now + Interval, next) == next)
        {
            report.Report(new("MB of inputs checked", value.Bytes / 1_000_000, value.Total / 1_000_000));
        }
    }
}
