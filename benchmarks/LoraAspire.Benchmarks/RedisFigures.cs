using System.Globalization;
using StackExchange.Redis;

namespace LoraAspire.Benchmarks;

/// <summary>What a Redis has done so far, and holds.</summary>
/// <param name="Commands">Those that asked for these figures included.</param>
internal sealed record RedisFigures(long Commands, long Bytes, double CpuSeconds)
{
    public static async Task<RedisFigures> OfAsync(IConnectionMultiplexer connection)
    {
        var figures = (await connection.GetServers()[0].InfoAsync()).SelectMany(section => section)
            .GroupBy(pair => pair.Key, StringComparer.Ordinal)
            .ToDictionary(one => one.Key, one => one.First().Value, StringComparer.Ordinal);
        return new(long.Parse(figures["total_commands_processed"], CultureInfo.InvariantCulture),
            long.Parse(figures["used_memory"], CultureInfo.InvariantCulture),
            double.Parse(figures["used_cpu_sys"], CultureInfo.InvariantCulture)
            + double.Parse(figures["used_cpu_user"], CultureInfo.InvariantCulture));
    }

    public RedisFigures And(RedisFigures more) => new(Commands + more.Commands, Bytes + more.Bytes, CpuSeconds + more.CpuSeconds);

    public RedisFigures Since(RedisFigures before) =>
        new(Commands - before.Commands, Bytes - before.Bytes, CpuSeconds - before.CpuSeconds);
}

/// <summary>Connections to one Redis, one for each machine that is played.</summary>
internal sealed class Machines(string connectionString) : IAsyncDisposable
{
    private readonly List<IConnectionMultiplexer> _connections = [];

    public async Task<IConnectionMultiplexer> ConnectAsync()
    {
        _connections.Add(await ConnectionMultiplexer.ConnectAsync(connectionString));
        return _connections[^1];
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var connection in _connections)
        {
            await connection.DisposeAsync();
        }
    }
}
