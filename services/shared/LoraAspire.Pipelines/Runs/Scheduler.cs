using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Pipelines.Runs;

/// <summary>The state of a run and one message → what happens next. Pure but for what <see cref="Prepare"/> looks up.</summary>
public static class Scheduler
{
    /// <param name="around">What a submitted pipeline may name; null takes it at its word.</param>
    public static Decision Decide(RunState state, InboxMessage message, Prepare prepare, Surroundings? around = null)
    {
        var step = new Step(state, message, prepare, around);
        step.Take();
        return new(step.Events, step.Orders, step.State);
    }

    private sealed class Step(RunState state, InboxMessage message, Prepare prepare, Surroundings? around)
    {
        private Pipeline? _pipeline = state.Version == 0 ? null : PipelineParser.Parse(state.Yaml, state.File).Pipeline;

        public RunState State { get; private set; } = state;
        public List<RunEvent> Events { get; } = [];
        public List<StageOrder> Orders { get; } = [];

        private string Run => State.Id;
        private DateTimeOffset At => message.At;

        public void Take()
        {
            switch (message)
            {
                case SubmitRun submit when State.Version == 0:
                    Submit(submit);
                    break;
                // A command said twice, or about what is over or was never there, is done already.
                case SubmitRun:
                case not null when State.Version == 0 || State.IsOver:
                    return;
                case CancelRun:
                    Cancel();
                    break;
                case AttemptMessage attempt:
                    Outcome(attempt);
                    break;
            }
            Advance();
        }

        private void Submit(SubmitRun submit)
        {
            var parsed = PipelineParser.Parse(submit.Yaml, submit.File, around);
            _pipeline = parsed.Pipeline;
            Add(new RunSubmitted(Run, At, _pipeline?.Name ?? submit.File, submit.File, submit.Yaml,
                [.. _pipeline?.Stages.Select(stage => new StageOutline(stage.Id, stage.Kind.Name, stage.Inputs.ToDictionary(input => input.Key, input => input.Value.ToString()!))) ?? []],
                [.. parsed.Notes.Select(note => note.ToString())]));
            if (_pipeline is null)
            {
                Add(new RunFinished(Run, At, RunStatus.Failed, string.Join('\n', parsed.Errors)));
            }
        }

        private void Cancel()
        {
            if (State.Status == RunStatus.Cancelling)
            {
                return;
            }
            Add(new RunCancelling(Run, At));
            // What runs is told at its next heartbeat; what nobody took yet has nobody to tell.
            foreach (var stage in State.Stages.Where(stage => stage.Status == StageStatus.Queued))
            {
                Add(new StageCancelled(Run, At, stage.Id));
            }
        }

        private void Outcome(AttemptMessage attempt)
        {
            if (State.Stage(attempt.Stage) is not { InFlight: true } stage || stage.Attempt != attempt.Attempt)
            {
                return;
            }
            switch (attempt)
            {
                // Said again by the worker that claimed a dead one's order.
                case AttemptStarted started when started.Worker != stage.Worker:
                    Add(new StageStarted(Run, At, stage.Id, stage.Attempt, started.Worker));
                    break;
                case AttemptFinished finished:
                    Add(new StageFinished(Run, At, stage.Id, stage.Attempt, finished.Outputs));
                    break;
                case AttemptFailed { Cause: FailureCause.Cancelled }:
                    Add(new StageCancelled(Run, At, stage.Id));
                    break;
                case AttemptFailed failed:
                    Add(new StageFailed(Run, At, stage.Id, stage.Attempt, failed.Cause, failed.Error));
                    Retry(stage, failed);
                    break;
            }
        }

        private void Retry(StageState stage, AttemptFailed failed)
        {
            if (State.Status == RunStatus.Running && failed.Cause is FailureCause.Transient or FailureCause.Timeout
                && _pipeline?.Stage(stage.Id) is { } spec && stage.Attempt <= spec.Retries)
            {
                Start(spec, stage.Attempt + 1);
            }
        }

        /// <summary>Starts all that can start, and ends the run when nothing is left to wait for.</summary>
        private void Advance()
        {
            while (Ready() is { } spec)
            {
                Start(spec, 1);
            }
            if (State.IsOver || State.Stages.Exists(stage => stage.InFlight))
            {
                return;
            }
            var failed = State.Stages.Find(stage => stage.Status == StageStatus.Failed);
            Add(failed is not null ? new RunFinished(Run, At, RunStatus.Failed, $"stage '{failed.Id}': {failed.Error}")
                : State.Status == RunStatus.Cancelling ? new RunFinished(Run, At, RunStatus.Cancelled)
                : _pipeline is null ? new RunFinished(Run, At, RunStatus.Failed, "this version cannot read the pipeline any more: submit it again")
                : new RunFinished(Run, At, RunStatus.Succeeded));
        }

        private StageSpec? Ready() =>
            State.Status != RunStatus.Running || State.Stages.Exists(stage => stage.Status == StageStatus.Failed)
                ? null
                : _pipeline?.Stages.FirstOrDefault(spec => State.Stage(spec.Id) is { Status: StageStatus.Pending } stage
                    && stage.Needs.All(need => State.Stage(need)?.Status == StageStatus.Succeeded));

        private void Start(StageSpec spec, int attempt)
        {
            switch (prepare(_pipeline!, spec, State))
            {
                case Done done:
                    Add(new StageCached(Run, At, spec.Id, done.Key, done.Outputs));
                    break;
                case Unready unready:
                    Add(new StageFailed(Run, At, spec.Id, attempt, FailureCause.Permanent, unready.Error));
                    break;
                case MustRun run:
                    Add(new StageQueued(Run, At, spec.Id, attempt, run.Order.Key, run.Explain));
                    Orders.Add(run.Order with { Attempt = attempt });
                    break;
            }
        }

        private void Add(RunEvent happened)
        {
            Events.Add(happened);
            State = State.Apply(happened);
        }
    }
}
