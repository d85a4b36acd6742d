using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Coordinator;

/// <summary>
/// Log, orders and acknowledgement in one script. The first entry's explicit id is the guard: it is refused when another
/// coordinator was faster, and nothing after it happens.
/// </summary>
public sealed class Commit(IDatabase redis, ConsumerGroup inbox, StreamSettings options)
{
    // KEYS: inbox, the run's log, index of runs, cancel, dead letters, classes of orders, then work streams.
    // ARGV: group, entry id, run, score, cancel, done, reason, most dead letters, seconds to keep, names of classes, then lists of [key
    // index, stream id, count of fields, fields…].
    private const string Script = Lease.BuryFunction + """
        local position = 11
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
        for name in string.gmatch(ARGV[10], '%S+') do redis.call('SADD', KEYS[6], name) end
        if ARGV[4] ~= '' then redis.call('ZADD', KEYS[3], 'NX', ARGV[4], ARGV[3]) end
        if ARGV[5] ~= '' then redis.call('SET', KEYS[4], '1', 'EX', 604800) end
        if ARGV[9] ~= '' then redis.call('EXPIRE', KEYS[2], ARGV[9]) end
        if ARGV[7] ~= '' then bury(KEYS[1], ARGV[2], KEYS[5], ARGV[8], ARGV[7]) end
        if ARGV[6] ~= '' then
            redis.call('XACK', KEYS[1], ARGV[1], ARGV[2])
            redis.call('XDEL', KEYS[1], ARGV[2])
        end
        return 'committed'
        """;

    /// <summary>False when the log has grown since <paramref name="before"/>: fold it again and decide anew.</summary>
    /// <param name="traceParent">The run's trace, for what is written while no span is open.</param>
    /// <param name="reason">Why the entry goes to the dead letters; null when it doesn't.</param>
    public async Task<bool> TryAsync(RedisValue entry, RunState before, Decision decision, string? traceParent, string? reason = null)
    {
        var end = decision.Events.OfType<RunFinished>().FirstOrDefault();
        List<RedisKey> keys = [Keys.Inbox, Keys.Run(before.Id), Keys.Runs, Keys.Cancel(before.Id), Keys.Dead, Keys.Classes];
        List<RedisValue> arguments =
        [
            inbox.Group, entry, before.Id,
            decision.Events.OfType<RunSubmitted>().FirstOrDefault() is { } submitted ? submitted.At.ToUnixTimeMilliseconds() : "",
            // A run that failed while attempts of it are under way has them told as well.
            decision.Events.Any(happened => happened is RunCancelling)
                || (end is not null && decision.Events.Any(happened => happened is StageCancelled)) ? "cancel" : "",
            decision.Waits ? "" : "done",
            reason ?? "", options.DeadLength,
            end is null ? "" : (long)options.KeepRuns.TotalSeconds,
            string.Join(' ', decision.Orders.Select(WorkClass.Of).Where(one => one.GpuMemory > 0).Select(one => one.Name).Distinct()),
        ];
        foreach (var (index, happened) in decision.Events.Index())
        {
            Add(2, $"{before.Version + index + 1}-0", Entries.ToArguments(happened, traceParent));
        }
        foreach (var order in decision.Orders)
        {
            keys.Add(WorkClass.Of(order).Stream);
            Add(keys.Count, "*", Entries.ToArguments(order, traceParent));
        }
        return (string?)await redis.ScriptEvaluateAsync(Script, [.. keys], [.. arguments]) == "committed";

        void Add(int key, string id, RedisValue[] fields) => arguments.AddRange([key, id, fields.Length, .. fields]);
    }
}
