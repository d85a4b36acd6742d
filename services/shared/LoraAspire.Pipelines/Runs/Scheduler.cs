using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Pipelines.Runs;

/// <summary>
/// The state of a run and one message → what happens next: a pure function. A message may be decided any number of times: what it says
/// is entered once, and what is left to start is started.
/// </summary>
public static class Scheduler
{
    /// <param name="pipeline">Parsed from the message that submits the run, else from the run's log; null of a run that is over or
    /// unknown.</param>
    /// <param name="plans">Those that are known so far; the decision names those that it lacks.</param>
    public static Decision Decide(
        RunState state, InboxMessage message, ParsedPipeline? pipeline, IReadOnlyDictionary<PlanKey, StagePlan> plans)
    {
        if (message is FailRun fail && state.Version > 0)
        {
            return Fail(state, fail.At, fail.Error);
        }
        var step = new Step(state, message, pipeline, plans);
        step.Take();
        return step.Decision;
    }

    /// <summary>Ends a run that can't be decided about, in words. What runs of it is told at its next heartbeat.</summary>
    /// <param name="submit">What is known of the submission of a run that has no log yet.</param>
    public static Decision Fail(RunState state, DateTimeOffset at, string words, SubmitRun? submit = null)
    {
        List<RunEvent> events = [];
        if (state.IsOver)
        {
            return new(events, [], state);
        }
        if (state.Version == 0)
        {
            events.Add(new RunSubmitted(state.Id, at, submit?.File ?? "?", submit?.File ?? "?", submit?.Yaml ?? "", [], []));
        }
        events.AddRange(state.Stages.Where(stage => stage.InFlight).Select(stage => new StageCancelled(state.Id, at, stage.Id)));
        events.Add(new RunFinished(state.Id, at, RunStatus.Failed, words));
        return new(events, [], events.Aggregate(state, (before, happened) => before.Apply(happened)));
    }

    private const int MostAttemptsWithLosses = 10;

    private sealed class Step(
        RunState state, InboxMessage message, ParsedPipeline? parsed, IReadOnlyDictionary<PlanKey, StagePlan> plans)
    {
        private readonly List<RunEvent> _events = [];
        private readonly List<StageOrder> _orders = [];
        private readonly List<PlanRequest> _missing = [];
        private readonly HashSet<string> _waiting = [];
        private readonly HashSet<string> _madeAgain = [];
        private readonly Pipeline? _pipeline = parsed?.Pipeline;
        private RunState _state = state;

        public Decision Decision => new(_events, _orders, _state) { Missing = _missing };

        private string Run => _state.Id;
        private DateTimeOffset At => message.At;

        public void Take()
        {
            if (_state.IsOver || (_state.Version == 0 && message is not SubmitRun))
            {
                // A command about what is over or was never there is done already.
                return;
            }
            switch (message)
            {
                case SubmitRun submit when _state.Version == 0:
                    Submit(submit);
                    break;
                case CancelRun:
                    Cancel();
                    break;
                case AttemptMessage attempt
                    when _state.Stage(attempt.Stage) is { InFlight: true } stage && stage.Attempt == attempt.Attempt:
                    Outcome(attempt, stage);
                    break;
            }
            if (message is not AttemptStarted && !Deferred)
            {
                Advance();
            }
        }

        /// <summary>Nothing is told of a failure before it is known whether another attempt follows: both or neither.</summary>
        private bool Deferred { get; set; }

        private void Submit(SubmitRun submit)
        {
            Add(new RunSubmitted(
                Run, At, _pipeline?.Name ?? submit.File, submit.File, submit.Yaml,
                [.. _pipeline?.Stages.Select(Outline) ?? []], [.. parsed!.Notes.Select(note => note.ToString())]));
            if (_pipeline is null)
            {
                Add(new RunFinished(Run, At, RunStatus.Failed, string.Join('\n', parsed.Errors)));
            }
        }

        private static StageOutline Outline(StageSpec stage) =>
            new(stage.Id, stage.Kind.Name, stage.Inputs.ToDictionary(input => input.Key, input => input.Value.ToString()!))
            {
                Needs = stage.Needs,
            };

        private void Cancel()
        {
            if (_state.Status == RunStatus.Cancelling)
            {
                return;
            }
            Add(new RunCancelling(Run, At));
            // What runs is told at its next heartbeat; what nobody took yet has nobody to tell.
            foreach (var stage in _state.Stages.Where(stage => stage.Status == StageStatus.Queued))
            {
                Add(new StageCancelled(Run, At, stage.Id));
            }
        }

        private void Outcome(AttemptMessage attempt, StageState stage)
        {
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
                    Failed(failed, stage);
                    break;
            }
        }

        private void Failed(AttemptFailed failed, StageState stage)
        {
            if (failed.Cause == FailureCause.InputLost)
            {
                // A store that loses it time and again is to be looked after by people.
                var again = _state.Status == RunStatus.Running && stage.Attempt < MostAttemptsWithLosses;
                Add(new StageFailed(Run, At, stage.Id, stage.Attempt, again ? FailureCause.InputLost : FailureCause.Permanent,
                    failed.Error));
                return;
            }
            var happened = new StageFailed(Run, At, stage.Id, stage.Attempt, failed.Cause, failed.Error);
            if (_state.Status == RunStatus.Running && failed.Cause is FailureCause.Transient or FailureCause.Timeout
                && _pipeline?.Stage(stage.Id) is { } spec && stage.Attempt <= spec.Retries)
            {
                var again = PlanOf(spec, _state.Apply(happened));
                if (again is null)
                {
                    Deferred = true;
                    return;
                }
                if (again is InputLost)
                {
                    Add(happened with { Cause = FailureCause.InputLost });
                    return;
                }
                Add(happened);
                Start(spec, stage.Attempt + 1, again);
                return;
            }
            Add(happened);
        }

        /// <summary>Starts all that can start, and ends the run when nothing is left to wait for.</summary>
        private void Advance()
        {
            while (Ready() is { } spec)
            {
                Start(spec, _state.Stage(spec.Id)!.Attempt + 1, PlanOf(spec, _state));
            }
            if (_state.IsOver || _waiting.Count > 0 || _state.Stages.Exists(stage => stage.InFlight))
            {
                return;
            }
            var failed = _state.Stages.Find(stage => stage.Status == StageStatus.Failed);
            Add(failed is not null ? new RunFinished(Run, At, RunStatus.Failed, $"stage '{failed.Id}': {failed.Error}")
                : _state.Status == RunStatus.Cancelling || _state.Stages.Exists(stage => stage.Status == StageStatus.Cancelled)
                ? new RunFinished(Run, At, RunStatus.Cancelled)
                : _pipeline is null
                ? new RunFinished(Run, At, RunStatus.Failed, "this version cannot read the pipeline any more: submit it again")
                : new RunFinished(Run, At, RunStatus.Succeeded));
        }

        private StageSpec? Ready() =>
            _state.Status != RunStatus.Running || _state.Stages.Exists(stage => stage.Status == StageStatus.Failed)
                ? null
                : _pipeline?.Stages
                    .FirstOrDefault(spec => !_waiting.Contains(spec.Id) && _state.Stage(spec.Id) is { Status: StageStatus.Pending } stage
                    && stage.Needs.All(need => _state.Stage(need)?.Status == StageStatus.Succeeded));

        /// <summary>Null when it isn't made yet: then the stage waits for it.</summary>
        private StagePlan? PlanOf(StageSpec spec, RunState state)
        {
            var request = new PlanRequest(_pipeline!, spec, state);
            if (plans.TryGetValue(request.Key, out var plan))
            {
                return plan;
            }
            _missing.Add(request);
            _waiting.Add(spec.Id);
            return null;
        }

        private void Start(StageSpec spec, int attempt, StagePlan? plan)
        {
            switch (plan)
            {
                case AlreadyDone done:
                    Add(new StageCached(Run, At, spec.Id, done.Key, done.Outputs));
                    break;
                case CannotRun refused:
                    Add(new StageFailed(Run, At, spec.Id, attempt, FailureCause.Permanent, refused.Error));
                    break;
                case MustRun run:
                    Add(new StageQueued(Run, At, spec.Id, attempt, run.Order.Key, run.Explain));
                    _orders.Add(run.Order with { Attempt = attempt });
                    break;
                case InputLost lost when _waiting.Contains(lost.Stage):
                    // Another stage lost the same, and how it is made again is being planned.
                    _waiting.Add(spec.Id);
                    break;
                case InputLost lost when _state.Stage(lost.Stage)!.Attempt < MostAttemptsWithLosses && _madeAgain.Add(lost.Stage):
                    MakeAgain(spec, _pipeline!.Stage(lost.Stage));
                    break;
                case InputLost lost:
                    Add(new StageFailed(Run, At, spec.Id, attempt, FailureCause.Permanent,
                        $"what stage '{lost.Stage}' gave is not in the store. Submit the run again: it is made again."));
                    break;
            }
        }

        /// <summary>
        /// The stage waits, and the one that gave its input runs once more; what that one lacks is made again in the same way.
        /// </summary>
        private void MakeAgain(StageSpec spec, StageSpec giver)
        {
            var plan = PlanOf(giver, _state);
            if (plan is null)
            {
                _waiting.Add(spec.Id);
            }
            Start(giver, _state.Stage(giver.Id)!.Attempt + 1, plan);
        }

        private void Add(RunEvent happened)
        {
            _events.Add(happened);
            _state = _state.Apply(happened);
        }
    }
}
