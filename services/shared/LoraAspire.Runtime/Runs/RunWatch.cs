using System.Diagnostics;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>
/// Whether it makes sense to wait for more of a run. Asked at each look that finds nothing new; it looks itself once a heartbeat.
/// </summary>
internal sealed class RunWatch(IDatabase redis, StreamSettings options, string run)
{
    private readonly Stopwatch _sinceLook = new();
    private readonly Stopwatch _still = Stopwatch.StartNew();
    private readonly Stopwatch _alone = Stopwatch.StartNew();
    private (RedisValue Log, RedisValue Progress) _last;

    /// <returns>True.</returns>
    /// <exception cref="RunLostException">It makes none.</exception>
    public async Task<bool> RequireHopeAsync()
    {
        if (_sinceLook.IsRunning && _sinceLook.Elapsed < options.Heartbeat)
        {
            return true;
        }
        _sinceLook.Restart();
        var last = (await LastAsync(Keys.Run(run)), await LastAsync(Keys.Progress(run)));
        if (!_last.Log.IsNull && (last.Item1.IsNull || RunRecord.Number(last.Item1) < RunRecord.Number(_last.Log)))
        {
            throw new RunLostException($"Run {run} is gone: Redis has lost {(last.Item1.IsNull ? "all" : "the newest")} of its log (was "
                + "it emptied, or did it start from an older file?). What its stages finished is kept: submit the pipeline again.");
        }
        if (last != _last)
        {
            _last = last;
            _still.Restart();
        }
        if (await redis.KeyExistsAsync(Keys.Alive))
        {
            _alone.Restart();
        }
        if (_still.Elapsed < options.Patience)
        {
            return true;
        }
        if (_alone.Elapsed >= options.Patience)
        {
            throw new RunLostException($"No coordinator has been alive for {_alone.Elapsed.TotalSeconds:0} s, so run {run} stands still. "
                + "It goes on by itself when one starts: see why the service 'coordinator' ended.");
        }
        if (last.Item1.IsNull && !await IsWaitingAsync())
        {
            throw new RunLostException($"There is no run {run}: no log, and no submission that waits. If it was submitted, Redis has "
                + "lost it: submit the pipeline again.");
        }
        return true;
    }

    private async Task<RedisValue> LastAsync(string stream) =>
        await redis.StreamRangeAsync(stream, count: 1, messageOrder: Order.Descending) is [var last] ? last.Id : RedisValue.Null;

    /// <summary>Whether the submission still stands in the inbox.</summary>
    private async Task<bool> IsWaitingAsync() =>
        (await redis.StreamRangeAsync(Keys.Inbox)).Any(entry => Entries.Field(entry, "run") == run);
}
