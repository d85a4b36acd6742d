using System.Diagnostics;
using System.Globalization;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>
/// Readers of this machine whose process is gone. What they held is free for all at once: a service that was killed and started again goes
/// on in a moment, not after a lease. Where two machines share a name, the reader that was taken for dead hears at its next heartbeat that
/// it has lost its entry.
/// </summary>
internal static class DeadReaders
{
    // In one step: between a look and a claim another could have taken an entry. Nothing is delivered yet: that counts when it is claimed.
    private const string Free = $"""
        for _, entry in ipairs(redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1000, ARGV[3])) do
            redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, entry[1], 'IDLE', {Lease.Idlest}, 'JUSTID')
        end
        if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[3]) == 0 then
            redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[3])
        end
        """;

    /// <summary>What the names of all readers of this machine begin with; the process follows.</summary>
    public static string Prefix { get; } = $"{Environment.MachineName}-";

    public static async Task FreeAsync(IDatabase redis, ConsumerGroup group)
    {
        foreach (var reader in await redis.StreamConsumerInfoAsync(group.Stream, group.Group))
        {
            if (IsGone(reader.Name))
            {
                await redis.ScriptEvaluateAsync(Free, [group.Stream], [group.Group, group.Consumer, reader.Name]);
            }
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
