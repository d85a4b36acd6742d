using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Pipelines.Runs;

/// <summary>
/// The state of a run and one message → what happens next. Pure but for what <see cref="Prepare"/> looks up. A message may be decided any number of times: what it says is
/// entered once, and what is left to start is started.
/// </summary>
public static class Scheduler
{
    /// <param name="around">What a submitted pipeline may name; null takes it at its word.</param>
    public static Decision Decide(RunState state, InboxMessage message, Prepare prepare, Surroundings? around = null)
    {
        if (message is FailRun fail && state.Version > 0)
        {
            return Fail(state, fail.At, fail.Error);
        }
        var step = new Step(state, message, prepare, around);
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

    private sealed class Step(RunState state, InboxMessage message, Prepare prepare, Surroundings? around)
    {
        private readonly List<RunEvent> _events = [];
        private readonly List<StageOrder> _orders = [];
        private readonly HashSet<string> _waiting = [];
        private RunState _state = state;
        private Pipeline? _pipeline;

        public Decision Decision => new(_events, _orders, _state, _waiting.Count > 0);

        private string Run => _state.Id;
        private DateTimeOffset At => message.At;

        public void Take()
        {
            if (_state.IsOver || (_state.Version == 0 && message is not SubmitRun))
            {
                // A command about what is over or was never there is done already.
                return;
            }
            if (_state.Version > 0)
            {
                _pipeline = PipelineParser.Parse(_state.Yaml, _state.File).Pipeline;
            }
            switch (message)
            {
                case SubmitRun submit when _state.Version == 0:
                    Submit(submit);
                    break;
                case CancelRun:
                    Cancel();
                    break;
                case AttemptMessage attempt when _state.Stage(attempt.Stage) is { InFlight: true } stage && stage.Attempt == attempt.Attempt:
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
            var happened = new StageFailed(Run, At, stage.Id, stage.Attempt, failed.Cause, failed.Error);
            if (_state.Status == RunStatus.Running && failed.Cause is FailureCause.Transient or FailureCause.Timeout
                && _pipeline?.Stage(stage.Id) is { } spec && stage.Attempt <= spec.Retries)
            {
                var again = prepare(_pipeline, spec, _state.Apply(happened));
                if (again is Later)
                {
                    Deferred = _waiting.Add(spec.Id);
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
                Start(spec, 1, prepare(_pipeline!, spec, _state));
            }
            if (_state.IsOver || _waiting.Count > 0 || _state.Stages.Exists(stage => stage.InFlight))
            {
                return;
            }
            var failed = _state.Stages.Find(stage => stage.Status == StageStatus.Failed);
            Add(failed is not null ? new RunFinished(Run, At, RunStatus.Failed, $"stage '{failed.Id}': {failed.Error}")
                : _state.Status == RunStatus.Cancelling || _state.Stages.Exists(stage => stage.Status == StageStatus.Cancelled) ? new RunFinished(Run, At, RunStatus.Cancelled)
                : _pipeline is null ? new RunFinished(Run, At, RunStatus.Failed, "this version cannot read the pipeline any more: submit it again")
                : new RunFinished(Run, At, RunStatus.Succeeded));
        }

        private StageSpec? Ready() =>
            _state.Status != RunStatus.Running || _state.Stages.Exists(stage => stage.Status == StageStatus.Failed)
                ? null
                : _pipeline?.Stages.FirstOrDefault(spec => !_waiting.Contains(spec.Id) && _state.Stage(spec.Id) is { Status: StageStatus.Pending } stage
                    && stage.Needs.All(need => _state.Stage(need)?.Status == StageStatus.Succeeded));

        private void Start(StageSpec spec, int attempt, Preparation preparation)
        {
            switch (preparation)
            {
                case Done done:
                    Add(new StageCached(Run, At, spec.Id, done.Key, done.Outputs));
                    break;
                case Unready unready:
                    Add(new StageFailed(Run, At, spec.Id, attempt, FailureCause.Permanent, unready.Error));
                    break;
                case MustRun run:
                    Add(new StageQueued(Run, At, spec.Id, attempt, run.Order.Key, run.Explain));
                    _orders.Add(run.Order with { Attempt = attempt });
                    break;
                case Later:
                    _waiting.Add(spec.Id);
                    break;
            }
        }

        private void Add(RunEvent happened)
        {
            _events.Add(happened);
            _state = _state.Apply(happened);
        }
    }
}
