using System.Diagnostics;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Coordinator;

/// <summary>
/// At each heartbeat: that a coordinator lives, and how long the queues are. Once an hour: runs whose log has gone leave the index,
/// and so do classes of orders of which nothing is left.
/// </summary>
public sealed class Pulse(IConnectionMultiplexer connection, StreamSettings options, ILogger<Pulse> log) : BackgroundService
{
    private static readonly TimeSpan TidyInterval = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var redis = connection.GetDatabase();
        long? tidied = null;
        string? trouble = null;
        await using var presence = new WorkerPresence(new($"{Environment.MachineName}-{Environment.ProcessId}", Keys.CoordinatorGroup,
            Environment.MachineName, Environment.ProcessId, options.Now, GpuMemory: 0, []), redis, options);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await redis.StringSetAsync(Keys.Alive, Environment.ProcessId, options.CoordinatorLimit);
                await MeasureAsync(redis);
                if (tidied is null || Stopwatch.GetElapsedTime(tidied.Value) > TidyInterval)
                {
                    await TidyAsync(redis);
                    tidied = Stopwatch.GetTimestamp();
                }
                trouble = null;
            }
            catch (Exception error)
            {
                if (error.Message != trouble)
                {
                    log.LogWarning("The coordinator's heartbeat failed, trying again: {Error}", trouble = error.Message);
                }
            }
            await Task.Delay(options.Heartbeat, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task MeasureAsync(IDatabase redis)
    {
        var classes = await WorkClass.AllAsync(redis);
        foreach (var kind in StageKinds.All)
        {
            long waiting = 0;
            foreach (var one in classes.Where(one => one.Kind == kind.Name).Prepend(new(kind.Name, 0)))
            {
                waiting += await ConsumerGroup.WaitingAsync(redis, one.Stream, Keys.WorkerGroup);
            }
            RunMeter.Waiting(kind.Name, waiting);
        }
    }

    private async Task TidyAsync(IDatabase redis)
    {
        foreach (var one in await WorkClass.AllAsync(redis))
        {
            await one.ForgetAsync(redis);
        }
        foreach (var run in await redis.SortedSetRangeByScoreAsync(Keys.Runs,
            stop: (options.Now - options.KeepRuns).ToUnixTimeMilliseconds()))
        {
            if (!await redis.KeyExistsAsync(Keys.Run(run.ToString())))
            {
                await redis.SortedSetRemoveAsync(Keys.Runs, run);
                await redis.HashDeleteAsync(Keys.Notes, run);
            }
        }
    }
}
