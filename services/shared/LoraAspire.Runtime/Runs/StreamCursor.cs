using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>Reads a stream without group, from its first entry on.</summary>
internal sealed class StreamCursor(IDatabase redis, string stream)
{
    private const int Page = 1000;
    private RedisValue _last = "0-0";

    /// <summary>What came since the last look, as long as it may be. A look that fails is as if there had been none.</summary>
    public async Task<IReadOnlyList<StreamEntry>> NextAsync()
    {
        List<StreamEntry> all = [];
        StreamEntry[] page;
        do
        {
            page = await redis.StreamReadAsync(stream, all.Count > 0 ? all[^1].Id : _last, Page);
            all.AddRange(page);
        }
        while (page.Length == Page);
        _last = all.Count > 0 ? all[^1].Id : _last;
        return all;
    }
}
