using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Coordinator;

/// <summary>What a coordinator tells of itself and of the queues, at each heartbeat.</summary>
public sealed class Pulse(IConnectionMultiplexer connection, StreamOptions options, ILogger<Pulse> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(options.Heartbeat);
        var redis = connection.GetDatabase();
        do
        {
            try
            {
                await MeasureAsync(redis);
            }
            catch (Exception error) when (error is RedisException or RedisTimeoutException)
            {
                log.LogWarning("No pulse, Redis does not answer: {Error}", error.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(stoppingToken).AsTask().ContinueWith(tick => tick is { IsCompletedSuccessfully: true, Result: true }, TaskScheduler.Default));
    }

    private static async Task MeasureAsync(IDatabase redis)
    {
        foreach (var kind in StageKinds.All)
        {
            RunMeter.Waiting(kind.Name, await ConsumerGroup.WaitingAsync(redis, Keys.Work(kind.Name), Keys.WorkerGroup));
        }
    }
}
