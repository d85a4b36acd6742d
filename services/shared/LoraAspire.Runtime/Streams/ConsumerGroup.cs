using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>One reader of one stream in a group: takes new entries, then those of dead readers, one at a time.</summary>
public sealed class ConsumerGroup(IDatabase redis, string stream, string group, StreamOptions options, TimeSpan? idleLimit = null)
{
    private readonly TimeSpan _idleLimit = idleLimit ?? options.IdleLimit;
    private DateTimeOffset _nextClaim = DateTimeOffset.MinValue;

    public string Stream => stream;
    public string Group => group;

    /// <summary>Unique, so that a restarted process never mistakes its predecessor's deliveries for its own.</summary>
    public string Consumer { get; } = $"{Environment.MachineName}-{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..6]}";

    /// <summary>The next entry with how often it was delivered, or null when there is none now.</summary>
    public async Task<Delivery?> TryReadAsync()
    {
        try
        {
            if (DateTimeOffset.UtcNow >= _nextClaim)
            {
                // Not at every look: a claim scans what others hold.
                _nextClaim = DateTimeOffset.UtcNow + _idleLimit / 4;
                var claimed = await redis.StreamAutoClaimAsync(stream, group, Consumer, (long)_idleLimit.TotalMilliseconds, "0-0", 1);
                foreach (var entry in claimed.ClaimedEntries.Where(entry => !entry.IsNull))
                {
                    _nextClaim = DateTimeOffset.MinValue;
                    return new(entry, await DeliveriesAsync(entry.Id));
                }
            }
            var read = await redis.StreamReadGroupAsync(stream, group, Consumer, StreamPosition.NewMessages, count: 1);
            return read is [var fresh] ? new(fresh, 1) : null;
        }
        catch (RedisServerException error) when (error.Message.StartsWith("NOGROUP", StringComparison.Ordinal))
        {
            await CreateAsync();
            return null;
        }
    }

    /// <summary>How many entries nobody has taken yet. What is done with is removed, so the rest of the stream is in somebody's hands.</summary>
    public static async Task<long> WaitingAsync(IDatabase redis, string stream, string group)
    {
        try
        {
            var (length, taken) = (redis.StreamLengthAsync(stream), redis.StreamPendingAsync(stream, group));
            return Math.Max(0, await length - (await taken).PendingMessageCount);
        }
        catch (RedisServerException error) when (error.Message.StartsWith("NOGROUP", StringComparison.Ordinal))
        {
            return await redis.StreamLengthAsync(stream);
        }
    }

    /// <summary>At 0, never $: what was written before the first reader came is read too.</summary>
    private async Task CreateAsync()
    {
        try
        {
            await redis.StreamCreateConsumerGroupAsync(stream, group, "0", createStream: true);
        }
        catch (RedisServerException error) when (error.Message.StartsWith("BUSYGROUP", StringComparison.Ordinal))
        {
            // Another reader was faster, which is as good.
        }
    }

    private async Task<int> DeliveriesAsync(RedisValue id) =>
        await redis.StreamPendingMessagesAsync(stream, group, 1, Consumer, id, id) is [var pending] ? pending.DeliveryCount : 1;
}

/// <param name="Count">How often the entry was handed out, this time included.</param>
public sealed record Delivery(StreamEntry Entry, int Count);
