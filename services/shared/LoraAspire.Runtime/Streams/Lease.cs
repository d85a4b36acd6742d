using LoraAspire.Pipelines.Messages;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

public enum LeaseState { Held, Lost, Cancelled }

/// <summary>
/// The right of one worker to one order. A bare XCLAIM or XACK succeeds on an entry that was lost to another,
/// so every script asks for the owner first.
/// </summary>
public sealed class Lease(IDatabase redis, ConsumerGroup group, RedisValue id, string run)
{
    private const string Owned = """
        local pending = redis.call('XPENDING', KEYS[1], ARGV[1], ARGV[3], ARGV[3], 1)
        if #pending == 0 or pending[1][2] ~= ARGV[2] then return 'lost' end

        """;

    // JUSTID: idle time starts again without the delivery counting as one more.
    private const string Renew = Owned + """
        if redis.call('EXISTS', KEYS[2]) == 1 then return 'cancelled' end
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'JUSTID')
        return 'held'
        """;

    private const string Finish = Owned + """
        redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
        redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
        redis.call('XDEL', KEYS[1], ARGV[3])
        return 'held'
        """;

    // KEYS[3] takes a copy of the entry as it came, with the reason.
    private const string Bury = Owned + """
        local entry = redis.call('XRANGE', KEYS[1], ARGV[3], ARGV[3])
        if #entry == 1 then
            local fields = entry[1][2]
            table.insert(fields, 'stream') table.insert(fields, KEYS[1])
            table.insert(fields, 'reason') table.insert(fields, ARGV[4])
            redis.call('XADD', KEYS[3], '*', unpack(fields))
        end
        if #ARGV > 4 then redis.call('XADD', KEYS[2], '*', unpack(ARGV, 5)) end
        redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
        redis.call('XDEL', KEYS[1], ARGV[3])
        return 'held'
        """;

    // As idle as can be: whoever looks next may claim it.
    private const string Release = Owned + """
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', 86400000, 'JUSTID')
        return 'held'
        """;

    private RedisValue[] Owner => [group.Group, group.Consumer, id];

    public Task<LeaseState> RenewAsync() => RunAsync(Renew, [group.Stream, Keys.Cancel(run)], Owner);

    /// <summary>Tells the outcome and gives the order back as done, in one step; <see cref="LeaseState.Lost"/> when it is another's by now.</summary>
    public Task<LeaseState> FinishAsync(InboxMessage outcome) =>
        RunAsync(Finish, [group.Stream, Keys.Inbox], [.. Owner, .. Entries.ToArguments(outcome)]);

    /// <summary>Moves the entry to the dead letters and, when it can be blamed on a stage, says so.</summary>
    public Task<LeaseState> BuryAsync(string reason, InboxMessage? outcome) =>
        RunAsync(Bury, [group.Stream, Keys.Inbox, Keys.Dead], [.. Owner, reason, .. outcome is null ? [] : Entries.ToArguments(outcome)]);

    public Task<LeaseState> ReleaseAsync() => RunAsync(Release, [group.Stream], Owner);

    private async Task<LeaseState> RunAsync(string script, RedisKey[] keys, RedisValue[] arguments)
    {
        try
        {
            return Enum.Parse<LeaseState>((string)(await redis.ScriptEvaluateAsync(script, keys, arguments))!, ignoreCase: true);
        }
        catch (RedisServerException error) when (error.Message.Contains("NOGROUP", StringComparison.Ordinal))
        {
            return LeaseState.Lost;
        }
    }
}
