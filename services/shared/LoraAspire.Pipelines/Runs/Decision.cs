using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Pipelines.Runs;

/// <summary>What the coordinator commits for one message, all of it or nothing.</summary>
/// <param name="Events">To append to the run's log, in order.</param>
/// <param name="Orders">To put on the work streams.</param>
/// <param name="State">The state after the events.</param>
public sealed record Decision(IReadOnlyList<RunEvent> Events, IReadOnlyList<StageOrder> Orders, RunState State)
{
    /// <summary>Plans that have to be made first: then the same message is to be decided again, and is not done with before.</summary>
    public IReadOnlyList<PlanRequest> Missing { get; init; } = [];

    public bool Waits => Missing.Count > 0;
}

/// <summary>Which plan of a run: that of the next attempt at a stage.</summary>
public readonly record struct PlanKey(string Stage, int Attempt);

/// <summary>A stage whose inputs are there, for which it is to be found out whether it has to run.</summary>
/// <param name="State">Gives the digests of its inputs.</param>
public sealed record PlanRequest(Pipeline Pipeline, StageSpec Stage, RunState State)
{
    public PlanKey Key => new(Stage.Id, (State.Stage(Stage.Id)?.Attempt ?? 0) + 1);
}

/// <summary>Whether a stage whose inputs are there has to run.</summary>
public abstract record StagePlan;

/// <summary>It has to; <paramref name="Order"/> is complete but for the attempt.</summary>
/// <param name="Explain">Why its result isn't taken from the cache.</param>
public sealed record MustRun(StageOrder Order, string? Explain = null) : StagePlan;

/// <summary>The store holds what it would give.</summary>
public sealed record AlreadyDone(string Key, IReadOnlyDictionary<string, string> Outputs) : StagePlan;

/// <summary>A model or a data file that it names is not there, or can't be read.</summary>
public sealed record CannotRun(string Error) : StagePlan;

/// <summary>An input that <paramref name="Stage"/> made is not whole in the store any more: that stage has to run again first.</summary>
public sealed record InputLost(string Stage) : StagePlan;
