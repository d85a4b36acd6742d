using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Hosting;

/// <summary>Progress → <c>lora:progress:{run}</c>, without waiting for Redis. Counts come at most ten times a second; messages all do.</summary>
internal sealed class ProgressStream(IDatabase redis, string run, string stage, StreamOptions options) : IProgress<StageProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private DateTimeOffset _next = DateTimeOffset.MinValue;

    public void Report(StageProgress value)
    {
        var now = DateTimeOffset.UtcNow;
        var last = value.Total > 0 && value.Done == value.Total;
        if (value.Message is null && value.EvalLoss is null && !last && now < _next)
        {
            return;
        }
        _next = now + Interval;
        redis.StreamAdd(Keys.Progress(run), Entries.ToEntry(new ProgressPoint(run, now, stage, value)), messageId: null,
            maxLength: options.ProgressLength, useApproximateMaxLength: true, flags: CommandFlags.FireAndForget);
    }
}
