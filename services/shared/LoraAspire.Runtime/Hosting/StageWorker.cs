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

/// <summary>
/// Takes one order after the other, keeps its lease while the stage runs, and tells the outcome. Nothing that an order holds, and nothing that happens to it, ends the loop.
/// </summary>
public sealed class StageWorker<TParams>(
    StageKind kind, StageAttempt<TParams> attempt, IConnectionMultiplexer connection, StreamOptions options,
    ILogger<StageWorker<TParams>> log) : BackgroundService where TParams : StageParams
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var redis = connection.GetDatabase();
        var group = new ConsumerGroup(redis, Keys.Work(kind.Name), Keys.WorkerGroup, options);
        var poll = new PollDelay(options);
        string? trouble = null;
        // Off the thread that starts the host.
        await Task.Yield();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await group.TryReadAsync() is { } delivery)
                {
                    await TakeAsync(redis, group, delivery, stoppingToken);
                    poll.Reset();
                    trouble = null;
                    continue;
                }
                trouble = null;
            }
            catch (Exception error)
            {
                // Not about any order: the stream can't be read, or Redis takes nothing. Said once.
                if (error.Message != trouble)
                {
                    log.LogWarning("Orders wait, trying again: {Error}", trouble = error.Message);
                }
            }
            await poll.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One order, from its reading to its acknowledgement. What can't be read or handled is kept with the dead letters, and its run is told.</summary>
    private async Task TakeAsync(IDatabase redis, ConsumerGroup group, Delivery delivery, CancellationToken stopping)
    {
        var (entry, run) = (delivery.Entry, Entries.Run(delivery.Entry));
        var lease = new Lease(redis, group, entry.Id, run ?? "");
        try
        {
            await WorkAsync(redis, group, delivery, lease, stopping);
        }
        catch (Exception error) when (!RedisAway.Is(error))
        {
            var reason = error is WireException ? error.Message : Failure.Of(error).Words;
            log.LogError(error, "Order {Id} of run {Run} goes to the dead letters: {Reason}", entry.Id, run ?? "?", reason);
            await PatientlyAsync(() => lease.BuryAsync(reason, (InboxMessage?)Entries.Blame(entry, reason) ?? (run is null ? null : new FailRun(run, DateTimeOffset.UtcNow, reason))), stopping);
        }
    }

    private async Task WorkAsync(IDatabase redis, ConsumerGroup group, Delivery delivery, Lease lease, CancellationToken stopping)
    {
        WireException.Require(delivery.Count <= options.MaxDeliveries, $"delivered {delivery.Count} times: each worker that took it died");
        var order = Entries.Read<StageOrder>(delivery.Entry);
        WireException.Require(order.Kind == kind.Name, $"an order for a {order.Kind} on the stream of a {kind.Name}");

        var clock = Stopwatch.StartNew();
        RunMeter.HandedOver(kind.Name, Entries.Age(delivery.Entry));
        using var span = RunTrace.Attempt(order, group.Consumer, Entries.Field(delivery.Entry, Entries.TraceParent));
        using var scope = log.BeginScope(new LogFields(order.Run, order.Stage, order.Attempt));
        using var heart = new Heartbeat(lease, options.Heartbeat, log, stopping);
        if (await heart.FirstAsync() == LeaseState.Held)
        {
            var started = new AttemptStarted(order.Run, DateTimeOffset.UtcNow, order.Stage, order.Attempt, group.Consumer);
            await PatientlyAsync(() => redis.StreamAddAsync(Keys.Inbox, Entries.ToEntry<InboxMessage>(started)), heart.Token);
        }
        var outcome = await attempt.RunAsync(order, group.Consumer, new ProgressStream(redis, order.Run, order.Stage, options), heart);
        RunMeter.Ended(kind.Name, outcome, clock.Elapsed);
        span?.Ended(outcome);
        // Without an outcome it is lost, or this process stops: another goes on from the last checkpoint. A finished stage is not thrown away because Redis restarts just now.
        if (await PatientlyAsync(() => outcome is null ? lease.ReleaseAsync() : lease.FinishAsync(outcome), stopping) == LeaseState.Lost && outcome is not null)
        {
            log.LogWarning("The order belongs to another worker by now; this outcome is dropped");
        }
    }

    /// <summary>Does it again while Redis is away, as long as it is of use.</summary>
    private async Task<T?> PatientlyAsync<T>(Func<Task<T>> say, CancellationToken useless)
    {
        var poll = new PollDelay(options);
        while (true)
        {
            try
            {
                return await say();
            }
            catch (Exception error) when (RedisAway.Is(error))
            {
                log.LogWarning("Waiting for Redis: {Error}", error.Message);
            }
            if (useless.IsCancellationRequested)
            {
                return default;
            }
            await poll.WaitAsync(useless).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
