using System.Text.Json.Serialization;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Pipelines.Runs;

/// <summary>One entry of <c>lora:run:{id}</c>. The entries, in order, are all there is to know about a run.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(RunSubmitted), "run.submitted")]
[JsonDerivedType(typeof(RunCancelling), "run.cancelling")]
[JsonDerivedType(typeof(RunFinished), "run.finished")]
[JsonDerivedType(typeof(StageQueued), "stage.queued")]
[JsonDerivedType(typeof(StageCached), "stage.cached")]
[JsonDerivedType(typeof(StageStarted), "stage.started")]
[JsonDerivedType(typeof(StageFinished), "stage.finished")]
[JsonDerivedType(typeof(StageFailed), "stage.failed")]
[JsonDerivedType(typeof(StageCancelled), "stage.cancelled")]
public abstract record RunEvent(string Run, DateTimeOffset At);

/// <param name="Notes">What the parser accepted under another name, one line each.</param>
public sealed record RunSubmitted(
    string Run, DateTimeOffset At, string Name, string File, string Yaml, IReadOnlyList<StageOutline> Stages, IReadOnlyList<string> Notes)
    : RunEvent(Run, At);

/// <summary>Somebody asked for the run to stop; what runs is being told.</summary>
public sealed record RunCancelling(string Run, DateTimeOffset At) : RunEvent(Run, At);

/// <summary>The last event of every run.</summary>
public sealed record RunFinished(string Run, DateTimeOffset At, RunStatus Status, string? Error = null) : RunEvent(Run, At);

/// <summary>
/// An entry that this build can't read, in the place where it stands. Nobody writes it: who reads the log says so with it.
/// </summary>
public sealed record Unreadable(string Run, DateTimeOffset At, string Entry, string Reason) : RunEvent(Run, At);

public abstract record StageEvent(string Run, DateTimeOffset At, string Stage) : RunEvent(Run, At);

/// <param name="Explain">Why it runs instead of being taken from the cache.</param>
public sealed record StageQueued(string Run, DateTimeOffset At, string Stage, int Attempt, string Key, string? Explain = null)
    : StageEvent(Run, At, Stage);

/// <summary>Not run: the store holds what these parameters and inputs give.</summary>
public sealed record StageCached(string Run, DateTimeOffset At, string Stage, string Key, IReadOnlyDictionary<string, string> Outputs)
    : StageEvent(Run, At, Stage);

public sealed record StageStarted(string Run, DateTimeOffset At, string Stage, int Attempt, string Worker) : StageEvent(Run, At, Stage);

/// <param name="Outputs">Output name → artifact digest.</param>
public sealed record StageFinished(string Run, DateTimeOffset At, string Stage, int Attempt, IReadOnlyDictionary<string, string> Outputs)
    : StageEvent(Run, At, Stage);

public sealed record StageFailed(string Run, DateTimeOffset At, string Stage, int Attempt, Messages.FailureCause Cause, string Error)
    : StageEvent(Run, At, Stage);

public sealed record StageCancelled(string Run, DateTimeOffset At, string Stage) : StageEvent(Run, At, Stage);

/// <summary>A stage as people see it before it runs. <paramref name="Inputs"/>: input name → data.dataset or model:NAME.</summary>
public sealed record StageOutline(string Id, string Kind, IReadOnlyDictionary<string, string> Inputs)
{
    /// <summary>Null: any worker of its kind can do it.</summary>
    public StageNeeds? Needs { get; init; }
}
