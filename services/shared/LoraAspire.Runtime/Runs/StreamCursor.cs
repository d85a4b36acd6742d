using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>Reads a stream without group, from its first entry on.</summary>
/// <param name="last">The first look takes so many of the newest entries; null takes all.</param>
internal sealed class StreamCursor(IDatabase redis, string stream, int? last = null)
{
    private const int Page = 1000;
    private RedisValue _last = "0-0";
    private bool _looked;

    /// <summary>What came since the last look, as long as it may be. A look that fails is as if there had been none.</summary>
    public async Task<IReadOnlyList<StreamEntry>> NextAsync()
    {
        List<StreamEntry> all = !_looked && last is not null
            ? [.. (await redis.StreamRangeAsync(stream, count: last, messageOrder: Order.Descending)).Reverse()]
            : await AllAsync();
        _looked = true;
        _last = all.Count > 0 ? all[^1].Id : _last;
        return all;
    }

    private async Task<List<StreamEntry>> AllAsync()
    {
        List<StreamEntry> all = [];
        StreamEntry[] page;
        do
        {
            page = await redis.StreamReadAsync(stream, all.Count > 0 ? all[^1].Id : _last, Page);
            all.AddRange(page);
        }
        while (page.Length == Page);
        return all;
    }
}
