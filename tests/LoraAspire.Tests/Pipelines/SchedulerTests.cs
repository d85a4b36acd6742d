using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Pipelines;

public sealed class SchedulerTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Dictionary<string, string> Dataset = new() { ["dataset"] = new string('d', 64) };
    private static readonly Dictionary<string, string> Adapter = new() { ["adapter"] = new string('a', 64) };

    private const string Yaml = """
        name: two
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:tiny }
            with: { sources: [ { self_cognition: { name: Y, developer: D } } ] }
            retries: 1
          - id: tune
            uses: trainer
            inputs: { dataset: data.dataset, base: model:tiny }
        """;

    [Fact]
    public void A_submitted_run_starts_the_stages_that_wait_for_nothing()
    {
        var decision = PlannedDecision.Of(new("r"), Submit, Runs);

        Assert.Equal([typeof(RunSubmitted), typeof(StageQueued)], decision.Events.Select(happened => happened.GetType()));
        Assert.Equal(("data", 1), (decision.Orders.Single().Stage, decision.Orders.Single().Attempt));
        Assert.Equal(StageStatus.Pending, decision.State.Stage("tune")!.Status);
    }

    [Fact]
    public void A_finished_stage_starts_what_waited_for_it_and_the_last_ends_the_run()
    {
        var state = After(Submit, Started("data", "w"), Finished("data", Dataset));
        Assert.Equal(StageStatus.Queued, state.Stage("tune")!.Status);

        var decision = PlannedDecision.Of(state, Finished("tune", Adapter), Runs);

        Assert.Equal(RunStatus.Succeeded, Assert.IsType<RunFinished>(decision.Events[^1]).Status);
        Assert.Equal(Adapter["adapter"], decision.State.Stage("tune")!.Outputs["adapter"]);
    }

    [Fact]
    public void When_all_is_cached_one_message_ends_the_run()
    {
        var decision =
            PlannedDecision.Of(new("r"), Submit, request => new AlreadyDone("key", request.Stage.Id == "data" ? Dataset : Adapter));

        Assert.Empty(decision.Orders);
        Assert.Equal(RunStatus.Succeeded, decision.State.Status);
        Assert.All(decision.State.Stages, stage => Assert.True(stage.Cached));
    }

    [Theory]
    [InlineData(FailureCause.Transient, 2)]
    [InlineData(FailureCause.Timeout, 2)]
    [InlineData(FailureCause.Permanent, 1)]
    [InlineData(FailureCause.Poison, 1)]
    public void Only_what_may_pass_is_tried_again(FailureCause cause, int attempt)
    {
        var state = After(Submit, Failed("data", 1, cause));

        Assert.Equal(attempt, state.Stage("data")!.Attempt);
        Assert.Equal(attempt == 1, state.IsOver);
    }

    [Fact]
    public void Retries_end_and_what_waited_is_skipped()
    {
        var state = After(Submit, Failed("data", 1, FailureCause.Transient), Failed("data", 2, FailureCause.Transient));

        Assert.Equal(RunStatus.Failed, state.Status);
        Assert.Equal("stage 'data': no luck", state.Error);
        Assert.Equal(StageStatus.Skipped, state.Stage("tune")!.Status);
    }

    [Fact]
    public void The_outcome_of_an_earlier_attempt_changes_nothing()
    {
        var state = After(Submit, Failed("data", 1, FailureCause.Transient));

        Assert.Empty(PlannedDecision.Of(state, Finished("data", Dataset), Runs).Events);
        Assert.Empty(PlannedDecision.Of(state, Started("data", "late"), Runs).Events);
    }

    [Fact]
    public void A_message_said_twice_happens_once()
    {
        var state = After(Submit, Started("data", "w"), Finished("data", Dataset));

        Assert.Empty(PlannedDecision.Of(state, Submit, Runs).Events);
        Assert.Empty(PlannedDecision.Of(state, Finished("data", Dataset), Runs).Events);
    }

    [Fact]
    public void A_cancel_waits_for_what_runs_and_starts_nothing_more()
    {
        var state = After(Submit, Started("data", "w"), new CancelRun("r", At));
        Assert.Equal((RunStatus.Cancelling, StageStatus.Running), (state.Status, state.Stage("data")!.Status));

        var finished = PlannedDecision.Of(state, Finished("data", Dataset), Runs);
        Assert.Equal((RunStatus.Cancelled, StageStatus.Skipped), (finished.State.Status, finished.State.Stage("tune")!.Status));
        Assert.Empty(finished.Orders);
    }

    [Fact]
    public void Cancelling_what_is_over_or_was_never_there_is_done_already()
    {
        Assert.Empty(PlannedDecision.Of(new("nobody"), new CancelRun("nobody", At), Runs).Events);
        Assert.Empty(PlannedDecision.Of(After(Submit, Failed("data", 1, FailureCause.Permanent)), new CancelRun("r", At), Runs).Events);
    }

    [Fact]
    public void A_broken_pipeline_that_reached_the_inbox_fails_with_its_errors()
    {
        var state = PlannedDecision.Of(new("r"), new SubmitRun("r", At, "p.yaml", "name: x\n"), Runs).State;

        Assert.Equal(RunStatus.Failed, state.Status);
        Assert.Contains("p.yaml:1:1: 'stages' is missing", state.Error);
    }

    [Fact]
    public void A_stage_that_cannot_be_prepared_fails_in_words()
    {
        var state = PlannedDecision.Of(new("r"), Submit, _ => new CannotRun("no folder 'tiny'")).State;

        Assert.Equal("stage 'data': no folder 'tiny'", state.Error);
    }

    [Fact]
    public void A_stage_that_is_still_being_planned_waits_and_the_same_message_again_starts_it_once_its_plan_is_known()
    {
        var first = PlannedDecision.Of(new("r"), Submit, _ => null);
        Assert.Equal((true, typeof(RunSubmitted)), (first.Waits, first.Events.Single().GetType()));

        var second = PlannedDecision.Of(first.State, Submit, Runs);
        Assert.Equal((false, "data"), (second.Waits, second.Orders.Single().Stage));

        var third = PlannedDecision.Of(second.State, Submit, Runs);
        Assert.Empty(third.Events);
    }

    [Fact]
    public void A_run_that_is_cancelled_while_a_stage_is_planned_starts_nothing_any_more()
    {
        var planned = PlannedDecision.Of(new("r"), Submit, _ => null);
        var cancelled = PlannedDecision.Of(planned.State, new CancelRun("r", At), Runs);
        Assert.Equal(RunStatus.Cancelled, cancelled.State.Status);

        var again = PlannedDecision.Of(cancelled.State, Submit, Runs);

        Assert.Equal((0, 0, false), (again.Events.Count, again.Orders.Count, again.Waits));
    }

    [Fact]
    public void A_failure_is_told_together_with_its_retry_or_not_yet()
    {
        var state = After(Submit, Started("data", "w"));

        var waiting = PlannedDecision.Of(state, Failed("data", 1, FailureCause.Transient), _ => null);
        Assert.Equal((true, 0), (waiting.Waits, waiting.Events.Count));

        var known = PlannedDecision.Of(state, Failed("data", 1, FailureCause.Transient), Runs);
        Assert.Equal([typeof(StageFailed), typeof(StageQueued)], known.Events.Select(happened => happened.GetType()));
    }

    [Fact]
    public void A_decision_names_the_plans_that_it_lacks_and_the_same_message_with_them_starts_the_stages()
    {
        var pipeline = PipelineParser.Parse(Yaml, "p.yaml");

        var first = Scheduler.Decide(new("r"), Submit, pipeline, new Dictionary<PlanKey, StagePlan>());
        var request = Assert.Single(first.Missing);
        Assert.Equal((new PlanKey("data", 1), true, 0), (request.Key, first.Waits, first.Orders.Count));
        Assert.Equal(first, Scheduler.Decide(new("r"), Submit, pipeline, new Dictionary<PlanKey, StagePlan>()), Same);

        var second = Scheduler.Decide(new("r"), Submit, pipeline, new Dictionary<PlanKey, StagePlan> { [request.Key] = Runs(request) });
        Assert.Equal((0, "data"), (second.Missing.Count, Assert.Single(second.Orders).Stage));
    }

    private static bool Same(Decision one, Decision other) =>
        one.Events.Select(happened => happened.GetType()).SequenceEqual(other.Events.Select(happened => happened.GetType()))
        && one.Missing.Select(request => request.Key).SequenceEqual(other.Missing.Select(request => request.Key));

    [Fact]
    public void A_stage_that_was_cancelled_makes_its_run_cancelled_not_succeeded()
    {
        Assert.Equal(RunStatus.Cancelled, After(Submit, Started("data", "w"), Failed("data", 1, FailureCause.Cancelled)).Status);
    }

    [Fact]
    public void A_run_that_nobody_can_decide_about_fails_in_words_and_its_running_stages_are_told()
    {
        var running = Scheduler.Fail(After(Submit, Started("data", "w")), At, "its log is broken");
        Assert.Equal([typeof(StageCancelled), typeof(RunFinished)], running.Events.Select(happened => happened.GetType()));
        Assert.Equal((RunStatus.Failed, "its log is broken", StageStatus.Skipped),
            (running.State.Status, running.State.Error, running.State.Stage("tune")!.Status));

        var unknown = Scheduler.Fail(new("r"), At, "unreadable", Submit);
        Assert.Equal((RunStatus.Failed, "p.yaml", Yaml), (unknown.State.Status, unknown.State.Name, unknown.State.Yaml));
        Assert.Empty(Scheduler.Fail(unknown.State, At, "again").Events);
    }

    [Fact]
    public void Events_that_went_over_the_wire_fold_to_the_same_state()
    {
        List<RunEvent> log = [];
        var state = new RunState("r");
        foreach (var message in new InboxMessage[] { Submit, Started("data", "w"), Finished("data", Dataset),
            Failed("tune", 1, FailureCause.Permanent) })
        {
            var decision = PlannedDecision.Of(state, MessageFormat.Decode<InboxMessage>(MessageFormat.Encode(message)), Runs);
            (state, log) = (decision.State,
                [.. log, .. decision.Events.Select(happened => MessageFormat.Decode<RunEvent>(MessageFormat.Encode(happened)))]);
        }

        var folded = RunState.Fold("r", log);

        Assert.Equal((state.Version, state.Status, state.Error, state.Name), (folded.Version, folded.Status, folded.Error, folded.Name));
        Assert.Equal(state.Stages.Select(
            stage => (stage.Id, stage.Status, stage.Attempt, stage.Worker, stage.StartedAt, stage.FinishedAt, stage.Error)),
            folded.Stages.Select(
                stage => (stage.Id, stage.Status, stage.Attempt, stage.Worker, stage.StartedAt, stage.FinishedAt, stage.Error)));
        Assert.Equal(Dataset["dataset"], folded.Stage("data")!.Outputs["dataset"]);
    }

    [Theory]
    [InlineData("v", "2", "version")]
    [InlineData("body", "{ broken", "undecodable 'attempt.started'")]
    [InlineData("body", "{}", "undecodable 'attempt.started'")]
    [InlineData("type", "attempt.flown", "undecodable 'attempt.flown'")]
    public void An_entry_that_cannot_be_read_says_so(string field, string value, string reason)
    {
        var fields = MessageFormat.Encode<InboxMessage>(Started("data", "w")).ToDictionary();
        Assert.Equal("""{"worker":"w"}""", fields["body"]);
        fields[field] = value;

        Assert.Contains(reason, Assert.Throws<MessageFormatException>(() => MessageFormat.Decode<InboxMessage>(fields)).Message);
    }

    private static SubmitRun Submit => new("r", At, "p.yaml", Yaml);
    private static AttemptStarted Started(string stage, string worker) => new("r", At, stage, 1, worker);
    private static AttemptFinished Finished(string stage, Dictionary<string, string> outputs) => new("r", At, stage, 1, outputs);
    private static AttemptFailed Failed(string stage, int attempt, FailureCause cause) => new("r", At, stage, attempt, cause, "no luck");

    private static RunState After(params InboxMessage[] messages) =>
        messages.Aggregate(new RunState("r"), (state, message) => PlannedDecision.Of(state, message, Runs).State);

    private static MustRun Runs(PlanRequest request) => new(new StageOrder(request.State.Id, At, request.Stage.Id, request.Key.Attempt)
    {
        Pipeline = request.Pipeline.Name,
        Kind = request.Stage.Kind.Name,
        Key = "key-" + request.Stage.Id,
        With = default,
        Inputs = new Dictionary<string, InputArtifact>(),
        DataFiles = new Dictionary<string, string>(),
    });
}
