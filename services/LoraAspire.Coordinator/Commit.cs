using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Coordinator;

/// <summary>
/// Log, orders and acknowledgement in one script. The first entry's explicit id is the guard: it is refused when another
/// coordinator was faster, and nothing after it happens.
/// </summary>
public sealed class Commit(IDatabase redis, ConsumerGroup inbox)
{
    // ARGV: group, entry id, run, score, cancel, then lists of [key index, stream id, count of fields, fields…].
    private const string Script = """
        local position = 6
        local first = true
        while position <= #ARGV do
            local key, id, count = KEYS[tonumber(ARGV[position])], ARGV[position + 1], tonumber(ARGV[position + 2])
            local fields = {}
            for i = 1, count do fields[i] = ARGV[position + 2 + i] end
            local added = redis.pcall('XADD', key, id, unpack(fields))
            if type(added) == 'table' and added.err then
                if first and string.find(added.err, 'smaller') then return 'behind' end
                return redis.error_reply(added.err)
            end
            first = false
            position = position + 3 + count
        end
        if ARGV[4] ~= '' then redis.call('ZADD', KEYS[3], 'NX', ARGV[4], ARGV[3]) end
        if ARGV[5] == 'cancel' then redis.call('SET', KEYS[4], '1', 'EX', 604800) end
        redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
        redis.call('XDEL', KEYS[1], ARGV[2])
        return 'committed'
        """;

    /// <summary>False when the log has grown since <paramref name="before"/>: fold it again and decide anew.</summary>
    /// <param name="traceParent">The run's trace, for what is written while no span is open.</param>
    public async Task<bool> TryAsync(RedisValue entry, RunState before, Decision decision, string? traceParent)
    {
        List<RedisKey> keys = [Keys.Inbox, Keys.Run(before.Id), Keys.Runs, Keys.Cancel(before.Id)];
        List<RedisValue> arguments =
        [
            inbox.Group, entry, before.Id,
            decision.Events.OfType<RunSubmitted>().FirstOrDefault() is { } submitted ? submitted.At.ToUnixTimeMilliseconds() : "",
            decision.Events.OfType<RunCancelling>().Any() ? "cancel" : "",
        ];
        foreach (var (index, happened) in decision.Events.Index())
        {
            Add(2, $"{before.Version + index + 1}-0", Entries.ToArguments(happened, traceParent));
        }
        foreach (var order in decision.Orders)
        {
            keys.Add(Keys.Work(order.Kind));
            Add(keys.Count, "*", Entries.ToArguments(order, traceParent));
        }
        return (string?)await redis.ScriptEvaluateAsync(Script, [.. keys], [.. arguments]) == "committed";

        void Add(int key, string id, RedisValue[] fields) => arguments.AddRange([key, id, fields.Length, .. fields]);
    }
}
