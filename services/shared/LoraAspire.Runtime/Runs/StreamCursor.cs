using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>Reads a stream without group, from its first entry on.</summary>
internal sealed class StreamCursor(IDatabase redis, string stream)
{
    private const int Page = 1000;
    private RedisValue _last = "0-0";

    /// <summary>What came since the last look, as long as it may be.</summary>
    public async Task<IReadOnlyList<StreamEntry>> NextAsync()
    {
        List<StreamEntry> all = [];
        StreamEntry[] page;
        do
        {
            page = await redis.StreamReadAsync(stream, _last, Page);
            all.AddRange(page);
            _last = page.Length > 0 ? page[^1].Id : _last;
        }
        while (page.Length == Page);
        return all;
    }
}
