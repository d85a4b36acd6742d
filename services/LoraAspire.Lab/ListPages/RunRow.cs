using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Lab.ListPages;

/// <summary>How a run stands, for people: one whose next stage has no worker yet doesn't run.</summary>
public enum ShownState { Queued, Running, Cancelling, Succeeded, Failed, Cancelled }

/// <summary>One line of the list of runs.</summary>
public sealed record RunRow(RunState Run, RunNote Note, TrainingLosses Losses)
{
    /// <summary>Null where nothing of it waits.</summary>
    public Queueing? Queueing { get; init; }

    public string Name => Run.Name.Length > 0 ? Run.Name : Run.Id;

    public ShownState State => Run.Status switch
    {
        RunStatus.Running => Queueing is null ? ShownState.Running : ShownState.Queued,
        RunStatus.Cancelling => ShownState.Cancelling,
        RunStatus.Succeeded => ShownState.Succeeded,
        RunStatus.Cancelled => ShownState.Cancelled,
        _ => ShownState.Failed,
    };

    /// <summary>The named model that it trains, else the first that it takes.</summary>
    public string? Base { get; } = Run.Stages.OrderByDescending(stage => stage.Description?.Trains == true)
        .SelectMany(stage => stage.Inputs.Keys.Select(stage.Source)).OfType<NamedModel>().FirstOrDefault()?.Name;

    public int Done => Run.Stages.Count(stage => stage.Status == StageStatus.Succeeded);

    public int Cached => Run.Stages.Count(stage => stage.Cached);

    /// <summary>Until now, while it goes on.</summary>
    public TimeSpan? Took(DateTimeOffset now) => (Run.FinishedAt ?? now) - Run.SubmittedAt;

    /// <summary>Whether each of these words stands somewhere in it, in upper or lower case.</summary>
    internal bool Has(IEnumerable<string> words) => words.All(word =>
        ((string?[])[Run.Id, Run.Name, Run.File, Base, Note.Text, .. Note.Tags])
            .Any(text => text?.Contains(word, StringComparison.OrdinalIgnoreCase) == true));
}
