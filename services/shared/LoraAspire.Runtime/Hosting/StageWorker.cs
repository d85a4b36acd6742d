using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Terminal;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// Takes one order after the other, keeps its lease while the stage runs, and tells the outcome. Nothing that an order holds, and nothing
/// that happens to it, ends the loop.
/// </summary>
public sealed class StageWorker(
    StageKind kind, IAttempt attempt, IConnectionMultiplexer connection, StreamSettings options, ILogger<StageWorker> log,
    UntilIdle? until = null, WorkerGpus? machine = null, GpuClaims? gpus = null) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var redis = connection.GetDatabase();
        var streams = new WorkStreams(redis, kind, machine?.Memory ?? 0, options);
        var poll = new PollDelay(options);
        string? trouble = null;
        var idleSince = options.Clock.GetTimestamp();
        // Off the thread that starts the host.
        await Task.Yield();
        await using var presence = new WorkerPresence(new(streams.Consumer, kind.Name, Environment.MachineName, Environment.ProcessId,
            options.Now, machine?.Memory ?? 0, machine?.Cards ?? []), redis, options);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await streams.TryReadAsync() is var (group, delivery))
                {
                    await new WorkEntry(redis, group, delivery, kind, attempt, options, log, gpus).HandleAsync(stoppingToken);
                    poll.Reset();
                    trouble = null;
                    idleSince = options.Clock.GetTimestamp();
                    continue;
                }
                trouble = null;
                if (until is not null && options.Clock.GetElapsedTime(idleSince) >= until.Time)
                {
                    log.LogInformation("No order for {Time}: this worker ends", Duration.Text(until.Time));
                    until.End();
                    return;
                }
            }
            catch (Exception error)
            {
                // Not about any order: the stream can't be read, or Redis takes nothing. Said once. Nor is it idleness: an order may wait
                // there.
                if (error.Message != trouble)
                {
                    log.LogWarning("No order can be taken, trying again: {Error}", trouble = error.Message);
                }
                idleSince = options.Clock.GetTimestamp();
            }
            await poll.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
