using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;
using StackExchange.Redis;

namespace LoraAspire.Terminal;

/// <summary>Why queued stages stay queued, for who follows a run.</summary>
internal static class WaitWatch
{
    private static readonly TimeSpan s_every = TimeSpan.FromSeconds(5);

    /// <summary>Tells of queued stages that no living worker can do, until the run is over.</summary>
    public static async Task RunAsync(RunClient runs, Func<RunState> now, Action<IReadOnlyDictionary<string, string>> show,
        CancellationToken over)
    {
        using var timer = new PeriodicTimer(s_every);
        try
        {
            while (await timer.WaitForNextTickAsync(over))
            {
                show(await WaitsAsync(runs, now()));
            }
        }
        catch (OperationCanceledException)
        {
            // The run is over.
        }
    }

    private static async Task<IReadOnlyDictionary<string, string>> WaitsAsync(RunClient runs, RunState state)
    {
        try
        {
            return (await runs.WaitsAsync(state)).ToDictionary(one => one.Key, one => one.Value.ToString());
        }
        catch (Exception error) when (error is RedisException or TimeoutException)
        {
            return new Dictionary<string, string>(); // who follows the run says that Redis is away
        }
    }
}
