using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Tests.Pipelines;

/// <summary>data → tune, whose data set gets lost once or more often.</summary>
public sealed class LostInputTests
{
    private static readonly DateTimeOffset At = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly Dictionary<string, string> Dataset = new() { ["dataset"] = new('d', 64) };
    private static readonly Dictionary<string, string> Adapter = new() { ["adapter"] = new('a', 64) };

    private readonly HashSet<string> _later = [];
    private bool _isLost;

    private static SubmitRun Submit => new("r", At, "p.yaml", """
        name: two
        stages:
          - { id: data, uses: data-build, inputs: { base: model:tiny }, with: { sources: [ { self_cognition: { name: Y, developer: D } } ] } }
          - { id: tune, uses: trainer, inputs: { dataset: data.dataset, base: model:tiny } }
        """);

    [Fact]
    public void A_stage_that_finds_its_input_damaged_waits_until_it_has_been_made_again()
    {
        var state = After(Submit, new AttemptFinished("r", At, "data", 1, Dataset));
        _isLost = true;

        var lost = Decide(state, Lost("tune", 1));

        Assert.Equal([typeof(StageFailed), typeof(StageQueued)], lost.Events.Select(happened => happened.GetType()));
        Assert.Equal(("data", 2), (lost.Orders.Single().Stage, lost.Orders.Single().Attempt));
        Assert.Equal((StageStatus.Queued, StageStatus.Pending), (lost.State.Stage("data")!.Status, lost.State.Stage("tune")!.Status));

        _isLost = false;
        var made = Decide(lost.State, new AttemptFinished("r", At, "data", 2, Dataset));

        Assert.Equal(("tune", 2), (made.Orders.Single().Stage, made.Orders.Single().Attempt));
        Assert.Equal(RunStatus.Succeeded, Decide(made.State, new AttemptFinished("r", At, "tune", 2, Adapter)).State.Status);
    }

    [Fact]
    public void A_loss_that_is_seen_when_the_stage_is_planned_runs_only_what_made_the_input()
    {
        var state = After(Submit);
        _isLost = true;

        var decision = Decide(state, new AttemptFinished("r", At, "data", 1, Dataset));

        Assert.Equal(("data", 2), (decision.Orders.Single().Stage, decision.Orders.Single().Attempt));
        Assert.Equal(StageStatus.Pending, decision.State.Stage("tune")!.Status);
    }

    [Fact]
    public void While_the_plan_of_the_stage_before_is_being_made_the_message_waits_and_then_goes_on()
    {
        var state = After(Submit, new AttemptFinished("r", At, "data", 1, Dataset));
        _isLost = true;
        _later.Add("data");

        var waits = Decide(state, Lost("tune", 1));
        Assert.True(waits.Waits);
        Assert.Empty(waits.Orders);

        _later.Clear();
        Assert.Equal(("data", 2), (Decide(waits.State, Lost("tune", 1)).Orders.Single().Stage, 2));
    }

    [Fact]
    public void Two_stages_that_lost_the_same_input_both_wait_for_it()
    {
        var state = After(Submit with { Yaml = Submit.Yaml + """

              - { id: tune-more, uses: trainer, inputs: { dataset: data.dataset, base: model:tiny } }
            """ });
        _isLost = true;
        _later.Add("data");

        var waits = Decide(state, new AttemptFinished("r", At, "data", 1, Dataset));

        Assert.True(waits.Waits);
        Assert.DoesNotContain(waits.State.Stages, stage => stage.Status == StageStatus.Failed);

        _later.Clear();
        var again = Decide(waits.State, new AttemptFinished("r", At, "data", 1, Dataset));
        Assert.Equal(("data", 2), (again.Orders.Single().Stage, again.Orders.Single().Attempt));
    }

    [Fact]
    public void A_store_that_loses_it_time_and_again_ends_the_run_in_words()
    {
        var state = After(Submit, new AttemptFinished("r", At, "data", 1, Dataset));
        var rounds = 0;
        for (; !state.IsOver && rounds < 100; rounds++)
        {
            _isLost = true;
            state = Decide(state, Lost("tune", state.Stage("tune")!.Attempt)).State;
            _isLost = false;
            state = state.IsOver ? state : Decide(state, new AttemptFinished("r", At, "data", state.Stage("data")!.Attempt, Dataset)).State;
        }

        Assert.InRange(rounds, 2, 20);
        Assert.Equal((RunStatus.Failed, "stage 'tune': the data set is damaged"), (state.Status, state.Error));
    }

    [Fact]
    public void A_store_that_is_never_whole_when_it_is_planned_ends_the_run_too()
    {
        var state = After(Submit);
        _isLost = true;
        var rounds = 0;
        for (; !state.IsOver && rounds < 100; rounds++)
        {
            state = Decide(state, new AttemptFinished("r", At, "data", state.Stage("data")!.Attempt, Dataset)).State;
        }

        Assert.InRange(rounds, 2, 20);
        Assert.Contains("what stage 'data' gave is not in the store", state.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_is_being_cancelled_makes_nothing_again()
    {
        var state = After(Submit, new AttemptFinished("r", At, "data", 1, Dataset), new AttemptStarted("r", At, "tune", 1, "w"),
            new CancelRun("r", At));
        _isLost = true;

        var decision = Decide(state, Lost("tune", 1));

        Assert.True(decision.State.IsOver);
        Assert.Empty(decision.Orders);
    }

    private static AttemptFailed Lost(string stage, int attempt) =>
        new("r", At, stage, attempt, FailureCause.InputLost, "the data set is damaged");

    private RunState After(params InboxMessage[] messages) =>
        messages.Aggregate(new RunState("r"), (state, message) => Decide(state, message).State);

    private Decision Decide(RunState state, InboxMessage message) => PlannedDecision.Of(state, message, Plan);

    private StagePlan? Plan(PlanRequest request) =>
        _later.Contains(request.Stage.Id) ? null
        : request.Stage.Id.StartsWith("tune", StringComparison.Ordinal) && _isLost ? new InputLost("data")
        : new MustRun(new(request.State.Id, At, request.Stage.Id, request.Key.Attempt)
        {
            Pipeline = request.Pipeline.Name,
            Kind = request.Stage.Kind.Name,
            Key = new('k', 64),
            With = System.Text.Json.JsonSerializer.SerializeToElement(request.Stage.With, request.Stage.Kind.Params, StageKey.ParamsJson),
            Inputs = new Dictionary<string, InputArtifact>(),
            DataFiles = new Dictionary<string, string>(),
        });
}
