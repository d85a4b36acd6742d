using System.Diagnostics;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// One order, from its reading to its acknowledgement. What can't be read or handled is kept with the dead letters, and its run is told.
/// </summary>
public sealed class WorkEntry(
    IDatabase redis, ConsumerGroup group, Delivery delivery, StageKind kind, IAttempt attempt, StreamSettings options, ILogger log,
    GpuClaims? gpus = null)
{
    private readonly Lease _lease = new(redis, group, delivery.Entry.Id, Entries.Run(delivery.Entry) ?? "");

    /// <exception cref="RedisException">Redis was away for too long: the order is taken over when its lease is out.</exception>
    public async Task HandleAsync(CancellationToken stopping)
    {
        var (entry, run) = (delivery.Entry, Entries.Run(delivery.Entry));
        try
        {
            await WorkAsync(stopping);
        }
        catch (Exception error) when (!RedisAway.Is(error))
        {
            var reason = error is MessageFormatException ? error.Message : Failure.Of(error).Words;
            log.LogError(error, "Order {Id} of run {Run} goes to the dead letters: {Reason}", entry.Id, run ?? "?", reason);
            InboxMessage? outcome = Entries.FailedAttempt(entry, reason, options.Now);
            outcome ??= run is null ? null : new FailRun(run, options.Now, reason);
            await PatientlyAsync(() => _lease.BuryAsync(reason, outcome), stopping);
        }
    }

    private async Task WorkAsync(CancellationToken stopping)
    {
        MessageFormatException.Require(delivery.Count <= options.MaxDeliveries,
            $"delivered {delivery.Count} times: each worker that took it, or the process that it started for it, died");
        var order = Entries.Read<StageOrder>(delivery.Entry);
        MessageFormatException.Require(order.Kind == kind.Name,
            $"an order for {Article.With(order.Kind)} on the stream of {Article.With(kind.Name)}");

        var clock = Stopwatch.StartNew();
        RunMeter.HandedOver(kind.Name, Entries.Age(delivery.Entry, options.Now));
        using var span = RunTrace.Attempt(order, group.Consumer, Entries.Field(delivery.Entry, Entries.TraceParent));
        using var scope = log.BeginScope(new LogFields(order.Run, order.Stage, order.Attempt));
        await using var heart = new Heartbeat(_lease.RenewAsync, options.Heartbeat, log, stopping);
        if (await heart.FirstAsync() == LeaseState.Held)
        {
            var started = new AttemptStarted(order.Run, options.Now, order.Stage, order.Attempt, group.Consumer);
            await PatientlyAsync(() => redis.StreamAddAsync(Keys.Inbox, Entries.ToEntry<InboxMessage>(started)), heart.Token);
        }
        var progress = new ProgressStream(redis, order.Run, order.Stage, options);
        var end = await AttemptEnd.OfAsync(
            attempt, order, group.Consumer, new StageMeter(progress, order), heart, gpus, options.Clock, log);
        RunMeter.Ended(kind.Name, end.Word, clock.Elapsed);
        span?.Ended(end.Word, end.Error);
        if (end is AttemptEnd.Died or AttemptEnd.GivenBack { Error: not null })
        {
            progress.Report(new StageProgress(Message: $"{end.Error} It is taken up again from its last checkpoint."));
        }
        // A finished stage is not thrown away because Redis restarts just now.
        var left = await PatientlyAsync(() => end switch
        {
            AttemptEnd.Reported told => _lease.FinishAsync(told.Outcome),
            AttemptEnd.Died => _lease.AbandonAsync(),
            _ => _lease.ReleaseAsync(),
        }, stopping);
        if (end is AttemptEnd.GivenBack)
        {
            group.ClaimNext();
        }
        if (left == LeaseState.Lost && end is AttemptEnd.Reported)
        {
            log.LogWarning("The order belongs to another worker by now; this outcome is dropped");
        }
    }

    private Task<T?> PatientlyAsync<T>(Func<Task<T>> say, CancellationToken useless) =>
        RedisAway.RetryWhileUsefulAsync(say, options, error => log.LogWarning("Waiting for Redis: {Error}", error.Message), useless);
}
