using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Coordinator;

/// <summary>One inbox entry at a time: fold the run's log, decide, commit. Any number of coordinators may do so at once.</summary>
public sealed class InboxReader(
    IConnectionMultiplexer connection, Planner planner, ArtifactStore store, StreamOptions options, ILogger<InboxReader> log) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var redis = connection.GetDatabase();
        var inbox = new ConsumerGroup(redis, Keys.Inbox, Keys.CoordinatorGroup, options);
        var poll = new PollDelay(options);
        // Off the thread that starts the host: planning hashes files.
        await Task.Yield();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (await inbox.TryReadAsync() is { } delivery)
                {
                    await HandleAsync(redis, inbox, delivery);
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

    private async Task HandleAsync(IDatabase redis, ConsumerGroup inbox, Delivery delivery)
    {
        if (Read(delivery) is not { } message)
        {
            await new Lease(redis, inbox, delivery.Entry.Id, "").BuryAsync("unreadable, or read too often without success", Blame(delivery.Entry));
            return;
        }
        var attempt = message as AttemptMessage;
        using var scope = log.BeginScope(new LogFields(message.Run, attempt?.Stage, attempt?.Attempt));
        var commit = new Commit(redis, inbox);
        var parent = Entries.Field(delivery.Entry, Entries.TraceParent);
        if (parent is null && message is SubmitRun submit)
        {
            RunTrace.Submitted(submit, out parent);
        }
        var (state, trace) = await RunLog.ReadAsync(redis, message.Run);
        using var span = RunTrace.Decide(message, parent, trace);
        while (true)
        {
            var decision = Scheduler.Decide(state, message, planner.Prepare, planner.Around);
            if (await commit.TryAsync(delivery.Entry.Id, state, decision, trace ?? parent))
            {
                span?.Decided(decision);
                Tell(decision);
                return;
            }
            log.LogInformation("Another coordinator was faster: deciding again");
            (state, trace) = await RunLog.ReadAsync(redis, message.Run);
        }
    }

    private InboxMessage? Read(Delivery delivery)
    {
        try
        {
            return delivery.Count <= options.MaxDeliveries ? Entries.Read<InboxMessage>(delivery.Entry) : null;
        }
        catch (WireException error)
        {
            log.LogError("Inbox entry {Id} goes to the dead letters: {Reason}", delivery.Entry.Id, error.Message);
            return null;
        }
    }

    /// <summary>An outcome that cannot be read still ends its attempt, else the run would wait for ever.</summary>
    private static AttemptFailed? Blame(StreamEntry entry) =>
        Entries.Field(entry, "run") is { } run && Entries.Field(entry, "stage") is { } stage && int.TryParse(Entries.Field(entry, "attempt"), out var attempt)
            ? new(run, DateTimeOffset.UtcNow, stage, attempt, FailureCause.Poison, "its outcome could not be read; see lora:dead")
            : null;

    private void Tell(Decision decision)
    {
        foreach (var happened in decision.Events)
        {
            using var scope = log.BeginScope(new LogFields(happened.Run, (happened as StageEvent)?.Stage));
            if (LogLine.Of(happened) is { } line)
            {
                log.LogInformation("{Run} {Stage} {Text}", happened.Run, line.Stage ?? "", line.Text);
            }
            if (happened is RunFinished end)
            {
                RunMeter.Ended(end);
            }
        }
        if (decision.Events.OfType<RunFinished>().Any() && Directory.Exists(store.RunScratch(decision.State.Id)))
        {
            try
            {
                Directory.Delete(store.RunScratch(decision.State.Id), recursive: true);
            }
            catch (IOException error)
            {
                log.LogWarning("Scratch of run {Run} stays: {Error}", decision.State.Id, error.Message);
            }
        }
    }
}
