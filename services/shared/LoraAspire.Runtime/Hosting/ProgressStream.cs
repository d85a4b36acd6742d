using System.Diagnostics;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// Progress → <c>lora:progress:{run}</c>, without waiting for Redis; what Redis doesn't take is lost. Counts come at most ten times a
/// second; messages all do. The stream goes by itself some time after its last point.
/// </summary>
public sealed class ProgressStream(IDatabase redis, string run, string stage, StreamSettings options) : IProgress<StageProgress>
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan ExpiryInterval = TimeSpan.FromHours(1);

    private long? _told;
    private long? _expirySet;

    public void Report(StageProgress value)
    {
        var last = value.Total > 0 && value.Done == value.Total;
        if (value.Message is null && value.Samples is null && value.Training?.EvalLoss is null && !last && IsWithin(_told, Interval))
        {
            return;
        }
        _told = Stopwatch.GetTimestamp();
        try
        {
            redis.StreamAdd(Keys.Progress(run), Entries.ToEntry(new ProgressPoint(run, options.Now, stage, value.Finite())),
                messageId: null,
                maxLength: options.ProgressLength, useApproximateMaxLength: true, flags: CommandFlags.FireAndForget);
            if (!IsWithin(_expirySet, ExpiryInterval))
            {
                _expirySet = Stopwatch.GetTimestamp();
                redis.KeyExpire(Keys.Progress(run), options.KeepProgress, flags: CommandFlags.FireAndForget);
            }
        }
        catch (Exception error) when (RedisAway.Is(error))
        {
            // Nothing depends on progress; the stage goes on.
        }
    }

    private static bool IsWithin(long? since, TimeSpan interval) => since is { } then && Stopwatch.GetElapsedTime(then) < interval;
}
