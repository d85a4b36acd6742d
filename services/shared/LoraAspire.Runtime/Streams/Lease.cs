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

    /// <summary>Milliseconds of idleness, as many as can be: whoever looks next may claim the entry.</summary>
    internal const string Idlest = "86400000";

    /// <summary>
    /// The Lua function <c>bury(stream, id, dead, most, reason)</c>: a copy of the entry as it came goes to the dead letters, with the
    /// reason and with no more fields than a call takes.
    /// </summary>
    public const string BuryFunction = """
        local function bury(stream, id, dead, most, reason)
            local entry = redis.call('XRANGE', stream, id, id)
            if #entry == 0 then return end
            local letter = { 'stream', stream, 'reason', reason }
            for i = 1, math.min(#entry[1][2], 400) do table.insert(letter, entry[1][2][i]) end
            redis.call('XADD', dead, 'MAXLEN', '~', most, '*', unpack(letter))
        end

        """;

    private const string Bury = BuryFunction + Owned + """
        bury(KEYS[1], ARGV[3], KEYS[3], ARGV[5], ARGV[4])
        if #ARGV > 5 then redis.call('XADD', KEYS[2], '*', unpack(ARGV, 6)) end
        redis.call('XACK', KEYS[1], ARGV[1], ARGV[3])
        redis.call('XDEL', KEYS[1], ARGV[3])
        return 'held'
        """;

    // As idle as can be: whoever looks next may claim it. Given back is not died upon, so this delivery doesn't count.
    private const string Release = Owned + $"""
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', {Idlest}, 'RETRYCOUNT', math.max(0, pending[1][4] - 1), 'JUSTID')
        return 'held'
        """;

    // The same, but the delivery counts: who took it died upon it.
    private const string Abandon = Owned + $"""
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, ARGV[3], 'IDLE', {Idlest}, 'JUSTID')
        return 'held'
        """;

    private RedisValue[] Owner => [group.Group, group.Consumer, id];

    public Task<LeaseState> RenewAsync() => RunAsync(Renew, [group.Stream, Keys.Cancel(run)], Owner);

    /// <summary>
    /// Tells the outcome and gives the order back as done, in one step; <see cref="LeaseState.Lost"/> when it is another's by now.
    /// </summary>
    public Task<LeaseState> FinishAsync(InboxMessage outcome) =>
        RunAsync(Finish, [group.Stream, Keys.Inbox], [.. Owner, .. Entries.ToArguments(outcome)]);

    /// <summary>Moves the entry to the dead letters and, where there is an outcome, reports it.</summary>
    public Task<LeaseState> BuryAsync(string reason, InboxMessage? outcome) =>
        RunAsync(Bury, [group.Stream, Keys.Inbox, Keys.Dead],
            [.. Owner, reason, group.DeadLength, .. outcome is null ? [] : Entries.ToArguments(outcome)]);

    /// <summary>Gives the entry back unharmed: whoever looks next takes it.</summary>
    public Task<LeaseState> ReleaseAsync() => RunAsync(Release, [group.Stream], Owner);

    /// <summary>
    /// Gives the entry up as a dead reader does, but at once: after a few times it is taken for one that kills its readers.
    /// </summary>
    public async Task<LeaseState> AbandonAsync()
    {
        var state = await RunAsync(Abandon, [group.Stream], Owner);
        group.ClaimNext();
        return state;
    }

    private async Task<LeaseState> RunAsync(string script, RedisKey[] keys, RedisValue[] arguments)
    {
        try
        {
            return Enum.Parse<LeaseState>((string)(await redis.ScriptEvaluateAsync(script, keys, arguments))!, ignoreCase: true);
        }
        catch (RedisServerException error) when (error.Message.Contains("NOGROUP", StringComparison.Ordinal))
        {
            // Redis was emptied.
            return LeaseState.Lost;
        }
    }
}
