using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Coordinator;

/// <summary>
/// One entry of the inbox, from its reading to its acknowledgement. Whatever is wrong with it, or goes wrong with it, ends here: then it is
/// kept with the dead letters and its run fails in words. It is never acknowledged otherwise.
/// </summary>
public sealed class InboxEntry(
    IDatabase redis, ConsumerGroup inbox, Delivery delivery, Coordination shared, StreamSettings options, ILogger log)
{
    private readonly Commit _commit = new(redis, inbox, options);
    private readonly Lease _lease = new(redis, inbox, delivery.Entry.Id, "");
    private readonly TaskCompletionSource _aside = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private SubmitRun? _submit;
    private string _reason = "";

    private StreamEntry Entry => delivery.Entry;

    /// <summary>Done when the entry waits for plans, and others may be handled meanwhile.</summary>
    public Task PutAside => _aside.Task;

    /// <summary>Never throws.</summary>
    public async Task HandleAsync(CancellationToken stopping)
    {
        foreach (var way in (Func<CancellationToken, Task>[])[DecideAsync, FailRunAsync, _ => _lease.BuryAsync(_reason, null)])
        {
            try
            {
                await PatientlyAsync(way, stopping);
                return;
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                await GiveBackAsync();
                return;
            }
            catch (Exception error)
            {
                _reason = _reason.Length > 0 ? _reason : error is MessageFormatException ? error.Message : Failure.Of(error).Words;
                log.LogError(error, "Inbox entry {Id} of run {Run} goes to the dead letters: {Reason}", Entry.Id, Entries.Run(Entry) ?? "?",
                    _reason);
            }
        }
        log.LogCritical("Inbox entry {Id} can't be moved to the dead letters either: it stays in the inbox", Entry.Id);
    }

    /// <summary>A Redis that is away for a while is nothing against the entry.</summary>
    private Task PatientlyAsync(Func<CancellationToken, Task> way, CancellationToken stopping) => RedisAway.RetryAsync(
        async () =>
        {
            await way(stopping);
            return true;
        },
        options, error => log.LogWarning("Inbox entry {Id} waits for Redis: {Error}", Entry.Id, error.Message), stopping);

    private async Task DecideAsync(CancellationToken stopping)
    {
        var (message, reason) = Read();
        var attempt = message as AttemptMessage;
        using var scope = log.BeginScope(new LogFields(message.Run, attempt?.Stage, attempt?.Attempt));
        var run = await RunRecord.ReadAsync(redis, message.Run);
        var parent = Entries.Field(Entry, Entries.TraceParent);
        if (parent is null && _submit is not null && run.State.Version == 0)
        {
            RunTrace.Submitted(_submit, out parent);
        }
        using var span = RunTrace.Decide(message, parent, run.TraceParent);
        Dictionary<PlanKey, StagePlan> known = [];
        while (true)
        {
            stopping.ThrowIfCancellationRequested();
            if (run.Unreadable is [var fault, ..] && !run.State.IsOver)
            {
                throw new MessageFormatException($"entry {fault.Entry} of the run's log can't be read: {fault.Reason}");
            }
            if (message is CancelRun && run.State.Version == 0 && await SubmissionWaitsAsync(message.Run))
            {
                // Another coordinator has it in hand; before it there is nothing to cancel.
                if (!await WaitAsync([Task.Delay(options.Heartbeat, stopping)], message.Run, 0, stopping))
                {
                    return;
                }
                run = await RunRecord.ReadAsync(redis, message.Run);
                continue;
            }
            var decision = Scheduler.Decide(run.State, message, shared.Pipelines.Of(run.State, message), known);
            Dictionary<PlanKey, Task<StagePlan>> missing = decision.Missing.ToDictionary(request => request.Key, shared.Plans.Of);
            if (decision.Waits && await AreSoonMadeAsync(missing.Values, stopping))
            {
                foreach (var (key, plan) in missing.Where(plan => plan.Value.IsCompletedSuccessfully))
                {
                    known[key] = await plan;
                }
                continue;
            }
            if ((decision.Events.Count > 0 || !decision.Waits)
                && !await _commit.TryAsync(Entry.Id, run.State, decision, run.TraceParent ?? parent, decision.Waits ? null : reason))
            {
                log.LogInformation("Another coordinator was faster: deciding again");
                run = await ReadGrownAsync(message.Run, run.State.Version);
                known.Clear();
                continue;
            }
            span?.Decided(decision);
            shared.Announcement.Tell(decision);
            if (!decision.Waits)
            {
                Forget(decision.State);
                return;
            }
            if (!await WaitAsync(missing.Values, message.Run, decision.State.Version, stopping))
            {
                return;
            }
            run = await RunRecord.ReadAsync(redis, message.Run);
            known.Clear();
        }
    }

    private void Forget(RunState state)
    {
        shared.Plans.Forget(state.Id, state.Status != RunStatus.Running);
        if (state.IsOver)
        {
            shared.Pipelines.Forget(state.Id);
        }
    }

    /// <summary>With what is remembered a plan takes a moment, and then one commit does for all.</summary>
    private async Task<bool> AreSoonMadeAsync(IReadOnlyCollection<Task> missing, CancellationToken stopping)
    {
        await Task.WhenAny(Task.WhenAll(missing), Task.Delay(options.PlanningMoment, stopping));
        return missing.All(plan => plan.IsCompleted);
    }

    /// <summary>Keeps the entry until one of the plans that were missing is made, or the run's log has grown.</summary>
    /// <returns>False when another coordinator has taken the entry over.</returns>
    private async Task<bool> WaitAsync(IReadOnlyCollection<Task> missing, string run, long version, CancellationToken stopping)
    {
        _aside.TrySetResult();
        while (missing.All(plan => !plan.IsCompleted))
        {
            await Task.WhenAny([.. missing, Task.Delay(options.Heartbeat, stopping)]);
            stopping.ThrowIfCancellationRequested();
            if (await _lease.RenewAsync() == LeaseState.Lost)
            {
                log.LogWarning("Inbox entry {Id} belongs to another coordinator by now", Entry.Id);
                return false;
            }
            if (await RunRecord.VersionAsync(redis, run) != version)
            {
                break;
            }
        }
        return true;
    }

    /// <summary>The message; of an outcome that can't be read, that its attempt failed, with the reason to keep the entry for.</summary>
    /// <exception cref="MessageFormatException">It is neither.</exception>
    private (InboxMessage Message, string? Reason) Read()
    {
        try
        {
            MessageFormatException.Require(delivery.Count <= options.MaxDeliveries, $"read {delivery.Count} times without success");
            var message = Entries.Read<InboxMessage>(Entry);
            _submit = message as SubmitRun;
            return (message, null);
        }
        catch (MessageFormatException error)
            when (Entries.FailedAttempt(Entry, "its outcome could not be read; see lora:dead", options.Now) is { } failed)
        {
            log.LogError("Inbox entry {Id} goes to the dead letters: {Reason}", Entry.Id, error.Message);
            return (failed, error.Message);
        }
    }

    /// <summary>Ends the run that the entry names, and keeps the entry, in one step.</summary>
    private async Task FailRunAsync(CancellationToken stopping)
    {
        var name = Entries.Run(Entry);
        var run = name is null ? null : await RunRecord.ReadAsync(redis, name);
        while (run is not null && (run.State.Version > 0 || Entries.Field(Entry, "type") == SubmitRun.Type))
        {
            var decision = Scheduler.Fail(run.State, options.Now,
                $"a message about this run could not be handled and is kept in {Keys.Dead}: {_reason}", _submit);
            if (await _commit.TryAsync(Entry.Id, run.State, decision, run.TraceParent, _reason))
            {
                shared.Announcement.Tell(decision);
                Forget(decision.State);
                return;
            }
            run = await ReadGrownAsync(run.State.Id, run.State.Version);
        }
        await _lease.BuryAsync(_reason, null);
    }

    /// <summary>The log after another coordinator wrote to it.</summary>
    /// <exception cref="InvalidOperationException">Nobody did: it takes no more entries, since somebody gave one the last id there
    /// is.</exception>
    private async Task<RunRecord> ReadGrownAsync(string run, long version)
    {
        var log = await RunRecord.ReadAsync(redis, run);
        return log.State.Version > version ? log
            : throw new InvalidOperationException($"the run's log takes no more entries after {version}");
    }

    /// <summary>Whether the run's submission stands in the inbox before this entry.</summary>
    private async Task<bool> SubmissionWaitsAsync(string run) =>
        (await redis.StreamRangeAsync(Keys.Inbox, maxId: Entry.Id))
            .Any(entry => entry.Id != Entry.Id && Entries.Run(entry) == run && Entries.Field(entry, "type") == SubmitRun.Type);

    private async Task GiveBackAsync()
    {
        try
        {
            await _lease.ReleaseAsync();
        }
        catch (Exception error)
        {
            log.LogWarning("Inbox entry {Id} is taken over when its lease is out: {Error}", Entry.Id, error.Message);
        }
    }
}

/// <summary>What all entries that one coordinator handles share.</summary>
public sealed record Coordination(PipelineCache Pipelines, Plans Plans, Announcement Announcement);
