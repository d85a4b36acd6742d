using System.Globalization;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>What <c>lora:run:{id}</c> tells.</summary>
/// <param name="State">Folded from what can be read; its version is the number of the last entry, readable or not.</param>
/// <param name="TraceParent">The span that wrote its first entry: the whole run belongs to that trace. Null when nobody traced it.</param>
/// <param name="Unreadable">Entries that this build can't read.</param>
public sealed record RunRecord(RunState State, string? TraceParent, IReadOnlyList<Unreadable> Unreadable)
{
    /// <summary>How many entries its log has, readable or not.</summary>
    internal int Length { get; private init; }

    /// <summary>Of a run that nobody knows, the start.</summary>
    public static async Task<RunRecord> ReadAsync(IDatabase redis, string run)
    {
        var entries = await redis.StreamRangeAsync(Keys.Run(run));
        var events = entries.Select(entry => Event(run, entry)).ToList();
        return new(
            RunState.Fold(run, events) with { Version = entries.Length == 0 ? 0 : Number(entries[^1].Id) },
            entries.Length == 0 ? null : Entries.Field(entries[0], Entries.TraceParent),
            [.. events.OfType<Unreadable>()])
        {
            Length = entries.Length,
        };
    }

    /// <summary>The number of its last entry; 0 when there is none.</summary>
    public static async Task<long> VersionAsync(IDatabase redis, string run) =>
        await redis.StreamRangeAsync(Keys.Run(run), count: 1, messageOrder: Order.Descending) is [var last] ? Number(last.Id) : 0;

    /// <summary>A run whose log is no log.</summary>
    internal static RunState Lost(string run, RedisServerException error) =>
        new(run, 1) { Status = RunStatus.Failed, Error = $"the run's log can't be read: {error.Message}" };

    /// <summary>The event, or that it can't be read.</summary>
    internal static RunEvent Event(string run, StreamEntry entry)
    {
        try
        {
            var happened = Entries.Read<RunEvent>(entry);
            return happened.Run == run ? happened
                : new Unreadable(run, Entries.Time(entry), entry.Id.ToString(), $"it belongs to run {happened.Run}");
        }
        catch (MessageFormatException error)
        {
            return new Unreadable(run, Entries.Time(entry), entry.Id.ToString(), error.Message);
        }
    }

    /// <summary>n of the id n-0, which is what the coordinator writes.</summary>
    internal static long Number(RedisValue id) =>
        ulong.TryParse(id.ToString().Split('-')[0], CultureInfo.InvariantCulture, out var number) && number < long.MaxValue ? (long)number
            : long.MaxValue - 1;
}
