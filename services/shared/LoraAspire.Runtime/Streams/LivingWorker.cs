using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>A worker that was heard of lately, in its own words, which stay the same while it lives.</summary>
/// <param name="Name">As runs name who does a stage.</param>
/// <param name="GpuMemory">GiB of its largest GPU; 0 without.</param>
public sealed record LivingWorker(string Name, string Kind, string Host, int Process, DateTimeOffset Since, int GpuMemory,
    IReadOnlyList<GpuCard> Gpus)
{
    // By Redis's clock, as leases. Who was silent for too long goes with the next word of another.
    private const string Tell = """
        local now = redis.call('TIME')
        local at = now[1] * 1000 + math.floor(now[2] / 1000)
        redis.call('ZADD', KEYS[1], at, ARGV[1])
        redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', at - ARGV[2])
        """;

    private const string Heard = """
        local now = redis.call('TIME')
        return redis.call('ZRANGEBYSCORE', KEYS[1], now[1] * 1000 + math.floor(now[2] / 1000) - ARGV[1], '+inf')
        """;

    private string Text => JsonSerializer.Serialize(this, MessageFormat.Json);

    public Task TellAsync(IDatabase redis, StreamSettings options) =>
        redis.ScriptEvaluateAsync(Tell, [Keys.Workers], [Text, Silence(options)]);

    public Task LeaveAsync(IDatabase redis) => redis.SortedSetRemoveAsync(Keys.Workers, Text);

    /// <summary>All that live, by kind and name. What can't be read isn't a worker's word.</summary>
    public static async Task<IReadOnlyList<LivingWorker>> AllAsync(IDatabase redis, StreamSettings options) =>
        [.. ((string[])(await redis.ScriptEvaluateAsync(Heard, [Keys.Workers], [Silence(options)]))!).Select(Read).OfType<LivingWorker>()
            .OrderBy(worker => worker.Kind, StringComparer.Ordinal).ThenBy(worker => worker.Name, StringComparer.Ordinal)];

    private static LivingWorker? Read(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<LivingWorker>(text, MessageFormat.Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static long Silence(StreamSettings options) => (long)(options.SignOfLife * 3).TotalMilliseconds;
}
