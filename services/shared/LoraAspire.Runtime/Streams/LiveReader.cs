using LoraAspire.Pipelines.Stages;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Streams;

/// <summary>A coordinator or a worker that has looked for work of late.</summary>
/// <param name="Service">coordinator, or the kind of stage that it works on.</param>
/// <param name="Name">Machine, process and a part by chance; a stage that it works on names it so.</param>
/// <param name="Holds">Entries in its hands.</param>
public sealed record LiveReader(string Service, string Name, int Holds)
{
    /// <summary>In the order of the services' names in a pipeline, the coordinator first.</summary>
    internal static async Task<IReadOnlyList<LiveReader>> ListAsync(IDatabase redis, StreamSettings options)
    {
        var streams = StageKinds.All.Select(kind => (Service: kind.Name, Stream: Keys.Work(kind.Name), Group: Keys.WorkerGroup))
            .Prepend((Keys.CoordinatorGroup, Keys.Inbox, Keys.CoordinatorGroup));
        List<LiveReader> live = [];
        foreach (var (service, stream, group) in streams)
        {
            live.AddRange((await ReadersAsync(redis, stream, group))
                .Where(reader => reader.IdleTimeInMilliseconds < options.IdleLimit.TotalMilliseconds)
                .Select(reader => new LiveReader(service, reader.Name, reader.PendingMessageCount)));
        }
        return live;
    }

    private static async Task<StreamConsumerInfo[]> ReadersAsync(IDatabase redis, string stream, string group)
    {
        try
        {
            return await redis.StreamConsumerInfoAsync(stream, group);
        }
        // No stream, or no group: nobody has looked there yet.
        catch (RedisServerException error) when (!RedisAway.Is(error))
        {
            return [];
        }
    }
}
