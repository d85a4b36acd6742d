using System.Text.Json.Serialization;

namespace LoraAspire.Pipelines.Messages;

/// <summary>What the coordinator is told: commands of people and outcomes of workers, on <c>lora:inbox</c>.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "type")]
[JsonDerivedType(typeof(SubmitRun), SubmitRun.Type)]
[JsonDerivedType(typeof(CancelRun), "run.cancel")]
[JsonDerivedType(typeof(FailRun), "run.fail")]
[JsonDerivedType(typeof(AttemptStarted), "attempt.started")]
[JsonDerivedType(typeof(AttemptFinished), "attempt.finished")]
[JsonDerivedType(typeof(AttemptFailed), "attempt.failed")]
public abstract record InboxMessage(string Run, DateTimeOffset At);

/// <param name="File">The name under which errors speak of the YAML.</param>
public sealed record SubmitRun(string Run, DateTimeOffset At, string File, string Yaml) : InboxMessage(Run, At)
{
    public const string Type = "run.submit";
}

public sealed record CancelRun(string Run, DateTimeOffset At) : InboxMessage(Run, At);

/// <summary>An order of the run is lost, and nobody can say which attempt it was for.</summary>
public sealed record FailRun(string Run, DateTimeOffset At, string Error) : InboxMessage(Run, At);

public abstract record AttemptMessage(string Run, DateTimeOffset At, string Stage, int Attempt) : InboxMessage(Run, At);

public sealed record AttemptStarted(string Run, DateTimeOffset At, string Stage, int Attempt, string Worker)
    : AttemptMessage(Run, At, Stage, Attempt);

/// <param name="Outputs">Output name → artifact digest.</param>
public sealed record AttemptFinished(string Run, DateTimeOffset At, string Stage, int Attempt, IReadOnlyDictionary<string, string> Outputs)
    : AttemptMessage(Run, At, Stage, Attempt);

public sealed record AttemptFailed(string Run, DateTimeOffset At, string Stage, int Attempt, FailureCause Cause, string Error)
    : AttemptMessage(Run, At, Stage, Attempt);

/// <summary>
/// Transient failures and timeouts may be tried again within the stage's retries; the others never are. A lost input is the store's fault:
/// the stage waits until the input has been made again.
/// </summary>
public enum FailureCause { Transient, Permanent, Timeout, Poison, Cancelled, InputLost }
