using System.Diagnostics;
using System.Globalization;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>
/// Readers of this machine whose process is gone. What they held is free for all at once: a service that was killed and started again goes on
/// in a moment, not after a lease. Where two machines share a name, the reader that was taken for dead hears at its next heartbeat that it has lost its entry.
/// </summary>
internal static class DeadReaders
{
    private const int MostEntries = 1000;

    /// <summary>What the names of all readers of this machine begin with; the process follows.</summary>
    public static string Prefix { get; } = $"{Environment.MachineName}-";

    public static async Task FreeAsync(IDatabase redis, ConsumerGroup group)
    {
        foreach (var reader in await redis.StreamConsumerInfoAsync(group.Stream, group.Group))
        {
            if (IsGone(reader.Name))
            {
                await FreeAsync(redis, group, reader.Name);
            }
        }
    }

    private static async Task FreeAsync(IDatabase redis, ConsumerGroup group, string reader)
    {
        var held = await redis.StreamPendingMessagesAsync(group.Stream, group.Group, MostEntries, reader);
        foreach (var entry in held)
        {
            // Not yet taken, and as idle as can be: it is claimed, and its delivery counted, by whoever looks next.
            await redis.ExecuteAsync("XCLAIM", group.Stream, group.Group, group.Consumer, 0, entry.MessageId, "IDLE", (long)TimeSpan.FromDays(1).TotalMilliseconds, "JUSTID");
        }
        if (held.Length < MostEntries)
        {
            await redis.StreamDeleteConsumerAsync(group.Stream, group.Group, reader);
        }
    }

    private static bool IsGone(string reader)
    {
        if (!reader.StartsWith(Prefix, StringComparison.Ordinal)
            || !int.TryParse(reader[Prefix.Length..].Split('-')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
        {
            return false;
        }
        try
        {
            using var process = Process.GetProcessById(pid);
            return process.HasExited;
        }
        catch (ArgumentException)
        {
            return true;
        }
    }
}
