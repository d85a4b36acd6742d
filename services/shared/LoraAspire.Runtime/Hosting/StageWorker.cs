using System.Diagnostics;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Hosting;

/// <summary>Takes one order after the other, keeps its lease while the stage runs, and tells the outcome.</summary>
public sealed class StageWorker<TParams>(
    StageKind kind, StageAttempt<TParams> attempt, IConnectionMultiplexer connection, StreamOptions options,
    ILogger<StageWorker<TParams>> log) : BackgroundService where TParams : StageParams
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var redis = connection.GetDatabase();
        var group = new ConsumerGroup(redis, Keys.Work(kind.Name), Keys.WorkerGroup, options);
        var poll = new PollDelay(options);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await group.TryReadAsync() is { } delivery)
                {
                    await TakeAsync(redis, group, delivery, stoppingToken);
                    poll.Reset();
                    continue;
                }
            }
            catch (Exception error) when (error is RedisException or RedisTimeoutException)
            {
                log.LogWarning("Redis does not answer, trying again: {Error}", error.Message);
            }
            await poll.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task TakeAsync(IDatabase redis, ConsumerGroup group, Delivery delivery, CancellationToken stopping)
    {
        var run = Entries.Field(delivery.Entry, "run") ?? "";
        var lease = new Lease(redis, group, delivery.Entry.Id, run);
        StageOrder order;
        try
        {
            order = delivery.Count <= options.MaxDeliveries
                ? Entries.Read<StageOrder>(delivery.Entry)
                : throw new WireException($"delivered {delivery.Count} times: each worker that took it died");
        }
        catch (WireException error)
        {
            log.LogError("Entry {Id} goes to the dead letters: {Reason}", delivery.Entry.Id, error.Message);
            await lease.BuryAsync(error.Message, Blame(delivery.Entry, error.Message));
            return;
        }

        var clock = Stopwatch.StartNew();
        RunMeter.HandedOver(kind.Name, Entries.Age(delivery.Entry));
        using var span = RunTrace.Attempt(order, group.Consumer, Entries.Field(delivery.Entry, Entries.TraceParent));
        using var scope = log.BeginScope(new LogFields(order.Run, order.Stage, order.Attempt));
        using var heart = new Heartbeat(lease, options.Heartbeat, log, stopping);
        if (await heart.FirstAsync() == LeaseState.Held)
        {
            await redis.StreamAddAsync(Keys.Inbox, Entries.ToEntry<InboxMessage>(
                new AttemptStarted(order.Run, DateTimeOffset.UtcNow, order.Stage, order.Attempt, group.Consumer)));
        }
        var progress = new ProgressStream(redis, order.Run, order.Stage, options);
        var outcome = await attempt.RunAsync(order, group.Consumer, progress, heart);
        RunMeter.Ended(kind.Name, outcome, clock.Elapsed);
        span?.Ended(outcome);
        if (outcome is null)
        {
            // Lost, or this process is stopping: another goes on from the last checkpoint.
            await lease.ReleaseAsync();
            return;
        }
        await TellAsync(lease, outcome, stopping);
    }

    /// <summary>A finished stage is not thrown away because Redis restarts just now.</summary>
    private async Task TellAsync(Lease lease, InboxMessage outcome, CancellationToken stopping)
    {
        while (true)
        {
            try
            {
                if (await lease.FinishAsync(outcome) == LeaseState.Lost)
                {
                    log.LogWarning("The order belongs to another worker by now; this outcome is dropped");
                }
                return;
            }
            catch (Exception error) when (error is RedisConnectionException or RedisTimeoutException && !stopping.IsCancellationRequested)
            {
                log.LogWarning("The outcome waits for Redis: {Error}", error.Message);
                await Task.Delay(options.PollMax, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private static AttemptFailed? Blame(StreamEntry entry, string reason) =>
        Entries.Field(entry, "run") is { } run && Entries.Field(entry, "stage") is { } stage && int.TryParse(Entries.Field(entry, "attempt"), out var number)
            ? new(run, DateTimeOffset.UtcNow, stage, number, FailureCause.Poison, reason)
            : null;
}
