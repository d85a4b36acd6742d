using System.Diagnostics;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>
/// One reader of one stream in a group: takes new entries, then those of dead readers, one at a time. Who counts as dead is decided by
/// Redis's clock alone.
/// </summary>
public sealed class ConsumerGroup(IDatabase redis, string stream, string group, StreamSettings options, TimeSpan? idleLimit = null)
{
    // XAUTOCLAIM looks at ten entries for each that it may claim, so that what others hold would hide what comes after.
    private const int LooksAtMost = 100;

    private readonly TimeSpan _idleLimit = idleLimit ?? options.IdleLimit;
    private RedisValue _position = "0-0";
    private long? _lastClaim;
    private bool _freed;

    public string Stream => stream;
    public string Group => group;
    internal int DeadLength => options.DeadLength;

    /// <summary>Unique, so that a restarted process never mistakes its predecessor's deliveries for its own.</summary>
    public string Consumer { get; init; } = $"{DeadReaders.Prefix}{Environment.ProcessId}-{Guid.NewGuid().ToString("N")[..6]}";

    /// <summary>A stream that isn't there is made; otherwise nothing is read of it until somebody writes to it.</summary>
    public bool MakesStream { get; init; } = true;

    /// <summary>The next entry with how often it was delivered, or null when there is none now.</summary>
    public async Task<Delivery?> TryReadAsync()
    {
        try
        {
            if (!_freed)
            {
                if (!await CreateAsync())
                {
                    return null;
                }
                await DeadReaders.FreeAsync(redis, this);
                _freed = true;
            }
            // Not at every look: a claim scans what others hold.
            if (_lastClaim is null || Stopwatch.GetElapsedTime(_lastClaim.Value) >= _idleLimit / 4)
            {
                if (await TryClaimAsync() is { } claimed)
                {
                    return claimed;
                }
                _lastClaim = Stopwatch.GetTimestamp();
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

    /// <summary>Looks at the next read whether others have left something.</summary>
    internal void ClaimNext() => _lastClaim = null;

    /// <summary>
    /// How many entries nobody has taken yet. What is done with is removed, so the rest of the stream is in somebody's hands.
    /// </summary>
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

    /// <summary>Goes once through what others hold, beginning where the last look ended.</summary>
    private async Task<Delivery?> TryClaimAsync()
    {
        for (var look = 0; look < LooksAtMost; look++)
        {
            var claimed = await redis.StreamAutoClaimAsync(stream, group, Consumer, (long)_idleLimit.TotalMilliseconds, _position, 1);
            _position = claimed.NextStartId;
            foreach (var entry in claimed.ClaimedEntries.Where(entry => !entry.IsNull))
            {
                return new(entry, await DeliveriesAsync(entry.Id));
            }
            if (_position == "0-0")
            {
                break;
            }
        }
        return null;
    }

    /// <summary>At 0, never $: what was written before the first reader came is read too. False where there is no stream.</summary>
    private async Task<bool> CreateAsync()
    {
        try
        {
            return await redis.StreamCreateConsumerGroupAsync(stream, group, "0", MakesStream);
        }
        catch (RedisServerException error) when (error.Message.StartsWith("BUSYGROUP", StringComparison.Ordinal))
        {
            return true; // another reader was faster, which is as good
        }
        catch (RedisServerException error) when (error.Message.Contains("requires the key to exist", StringComparison.Ordinal))
        {
            return false;
        }
    }

    private async Task<int> DeliveriesAsync(RedisValue id) =>
        await redis.StreamPendingMessagesAsync(stream, group, 1, Consumer, id, id) is [var pending] ? pending.DeliveryCount : 1;
}

/// <param name="Count">How often the entry was handed out, this time included.</param>
public sealed record Delivery(StreamEntry Entry, int Count);
