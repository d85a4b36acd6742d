using System.Collections.Immutable;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Pipelines.Runs;

public enum RunStatus { Running, Cancelling, Succeeded, Failed, Cancelled }

public enum StageStatus { Pending, Queued, Running, Succeeded, Failed, Cancelled, Skipped }

/// <summary>One stage of a run, as its events tell it.</summary>
/// <param name="Inputs">Input name → data.dataset or model:NAME, as written.</param>
public sealed record StageState(string Id, string Kind, IReadOnlyDictionary<string, string> Inputs)
{
    public StageStatus Status { get; init; }

    /// <summary>What its worker must have; null: nothing.</summary>
    public StageNeeds? OfWorker { get; init; }

    /// <summary>The newest, counted from 1; 0 before the first.</summary>
    public int Attempt { get; init; }
    public string? Worker { get; init; }
    public DateTimeOffset? QueuedAt { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; init; }

    /// <summary>Output name → artifact digest; empty until it has succeeded.</summary>
    public IReadOnlyDictionary<string, string> Outputs { get; init; } = ImmutableDictionary<string, string>.Empty;
    public string? Error { get; init; }

    /// <summary>It succeeded without running.</summary>
    public bool Cached { get; init; }
    public string? Key { get; init; }

    /// <summary>Why it ran instead of being taken from the cache.</summary>
    public string? Explain { get; init; }

    /// <summary>Ids of the stages whose outputs this one takes.</summary>
    public IEnumerable<string> Needs =>
        Inputs.Values.Where(source => !source.StartsWith("model:", StringComparison.Ordinal)).Select(source => source.Split('.')[0])
            .Distinct();

    public bool InFlight => Status is StageStatus.Queued or StageStatus.Running;

    /// <summary>Null when this build has no such kind any more.</summary>
    public StageKind? Description => StageKinds.Find(Kind);

    /// <summary>Whether stages of its kind may give an artifact of this kind.</summary>
    public bool MayGive(ArtifactKind artifact) => Description?.Outputs.Any(port => port.Artifact == artifact) == true;

    /// <summary>Where this input comes from; null when it has none of the name.</summary>
    public InputRef? Source(string input) => Inputs.TryGetValue(input, out var written) ? Wiring.Reference(written) : null;

    /// <summary>The digest of the artifact of this kind that it gave; null when it gave none.</summary>
    public string? Output(ArtifactKind artifact) => Description?.Outputs
        .Where(port => port.Artifact == artifact).Select(port => Outputs.GetValueOrDefault(port.Name)).OfType<string>().FirstOrDefault();
}

/// <summary>A run, folded from its log by the coordinator, the CLI and the lab alike. Nothing stores it.</summary>
/// <param name="Version">How many events were folded, which is also the number of the last one; 0 means that the run is unknown.</param>
public sealed record RunState(string Id, long Version = 0)
{
    /// <summary>The pipeline's name.</summary>
    public string Name { get; init; } = "";

    /// <summary>The name under which errors speak of <see cref="Yaml"/>.</summary>
    public string File { get; init; } = "";
    public string Yaml { get; init; } = "";
    public RunStatus Status { get; init; }
    public DateTimeOffset? SubmittedAt { get; init; }
    public DateTimeOffset? FinishedAt { get; init; }
    public string? Error { get; init; }
    public ImmutableList<StageState> Stages { get; init; } = [];
    public IReadOnlyList<string> Notes { get; init; } = [];

    public bool IsOver => Status is RunStatus.Succeeded or RunStatus.Failed or RunStatus.Cancelled;

    public StageState? Stage(string id) => Stages.Find(stage => stage.Id == id);

    public static RunState Fold(string id, IEnumerable<RunEvent> events) =>
        events.Aggregate(new RunState(id), (state, happened) => state.Apply(happened));

    public RunState Apply(RunEvent happened) => Next(happened) with { Version = Version + 1 };

    private RunState Next(RunEvent happened) => happened switch
    {
        RunSubmitted e => this with
        {
            Name = e.Name,
            File = e.File,
            Yaml = e.Yaml,
            SubmittedAt = e.At,
            Notes = [.. Notes, .. e.Notes],
            Stages = [.. e.Stages.Select(stage => new StageState(stage.Id, stage.Kind, stage.Inputs) { OfWorker = stage.Needs })],
        },
        Unreadable e => this with { Notes = [.. Notes, $"entry {e.Entry} of the run's log can't be read: {e.Reason}"] },
        RunCancelling => this with { Status = RunStatus.Cancelling },
        RunFinished e => this with
        {
            Status = e.Status,
            FinishedAt = e.At,
            Error = e.Error,
            Stages = Stages.ConvertAll(stage => stage.Status == StageStatus.Pending ? stage with { Status = StageStatus.Skipped } : stage),
        },
        StageQueued e => With(e, stage => stage with
        {
            Status = StageStatus.Queued,
            Attempt = e.Attempt,
            Key = e.Key,
            Explain = e.Explain ?? stage.Explain,
            QueuedAt = e.At,
            Cached = false,
            Worker = null,
            FinishedAt = null,
        }),
        StageCached e => With(e, stage => stage with
        {
            Status = StageStatus.Succeeded,
            Cached = true,
            Key = e.Key,
            Outputs = e.Outputs,
            StartedAt = e.At,
            FinishedAt = e.At,
        }),
        StageStarted e => With(e, stage => stage with
        {
            Status = StageStatus.Running,
            Worker = e.Worker,
            StartedAt = stage.StartedAt ?? e.At,
        }),
        StageFinished e => With(e, stage => stage with
        {
            Status = StageStatus.Succeeded,
            Outputs = e.Outputs,
            FinishedAt = e.At,
            Error = null,
        }),
        StageFailed { Cause: Messages.FailureCause.InputLost } e =>
            With(e, stage => stage with { Status = StageStatus.Pending, Error = e.Error, Worker = null }),
        StageFailed e => With(e, stage => stage with { Status = StageStatus.Failed, Error = e.Error, FinishedAt = e.At }),
        StageCancelled e => With(e, stage => stage with { Status = StageStatus.Cancelled, FinishedAt = e.At }),
        _ => this,
    };

    private RunState With(StageEvent happened, Func<StageState, StageState> change) => this with
    {
        Stages = Stages.ConvertAll(stage => stage.Id == happened.Stage ? change(stage) : stage),
    };
}
