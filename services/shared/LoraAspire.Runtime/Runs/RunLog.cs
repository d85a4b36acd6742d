using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>What <c>lora:run:{id}</c> tells.</summary>
/// <param name="TraceParent">The span that wrote its first entry: the whole run belongs to that trace. Null when nobody traced it.</param>
public sealed record RunLog(RunState State, string? TraceParent)
{
    /// <summary>Of a run that nobody knows, the start.</summary>
    public static async Task<RunLog> ReadAsync(IDatabase redis, string run)
    {
        var entries = await redis.StreamRangeAsync(Keys.Run(run));
        return new(RunState.Fold(run, entries.Select(Entries.Read<RunEvent>)), entries is [var first, ..] ? Entries.Field(first, Entries.TraceParent) : null);
    }
}
