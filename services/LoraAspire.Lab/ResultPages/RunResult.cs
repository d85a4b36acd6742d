using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Lab.ResultPages;

/// <summary>What came of a run, read from what its stages have given; each part that can't be read says why.</summary>
/// <param name="Made">The model of the last stage that gave one, else the adapter; null when there is none yet.</param>
public sealed record RunResult(IReadOnlyList<StageReport> Reports, IReadOnlyList<StageTraining> Trainings, MadeModel? Made)
{
    /// <summary>Bytes of a file that a page reads; a larger one is to be downloaded.</summary>
    private const long Largest = 32 << 20;

    public bool IsEmpty => Reports.Count + Trainings.Count == 0 && Made is null;

    public static RunResult Read(RunState run, ArtifactStore store) => new(
        [.. run.Stages.Select(stage => (stage, Digest: stage.Output(ArtifactKind.Report)))
            .Where(one => one.Digest is not null).Select(one => Report(one.stage, one.Digest!, store))],
        [.. run.Stages.Where(stage => Trained(stage) is not null).Select(stage => Training(stage, store))],
        Model(run, store));

    /// <summary>The digest of what this stage trained; null of a stage that doesn't train or has given nothing.</summary>
    public static string? Trained(StageState stage) => stage.Description is not { Trains: true } ? null
        : stage.Output(ArtifactKind.Adapter) ?? stage.Output(ArtifactKind.Model);

    /// <summary>The steps of a training that is over, from the file beside what it gave.</summary>
    public static StageTraining Training(StageState stage, ArtifactStore store)
    {
        try
        {
            var digest = Trained(stage)!;
            var path = Path.Combine(store.Folder(digest), StepMetrics.FileName);
            return store.Manifest(digest).Files.FirstOrDefault(file => file.Path == StepMetrics.FileName) is not { } file
                    ? new(stage.Id, [], "Its steps were not kept.")
                : file.Size > Largest ? new(stage.Id, [], $"{StepMetrics.FileName} is too large for a page: download it.")
                : new(stage.Id, StepMetrics.Read(path));
        }
        catch (LostArtifactException lost)
        {
            return new(stage.Id, [], Words(lost));
        }
        catch (Exception error) when (CanBeTold(error))
        {
            return new(stage.Id, [], $"{StepMetrics.FileName} can't be read: {error.Message}");
        }
    }

    private static StageReport Report(StageState stage, string digest, ArtifactStore store)
    {
        StageReport report = new(stage.Id, digest, null);
        try
        {
            var folder = store.Folder(digest);
            var files = store.Manifest(digest).Files;
            report = report with { Files = [.. files.Select(file => file.Path)] };
            return files.Any(file => file.Path == AnswersReport.FileName && file.Size > Largest)
                ? report with { Trouble = "This report is too large for a page: download it." }
                : report with { View = ReportView.Of(AnswersReport.Load(folder)) };
        }
        catch (Exception error) when (CanBeTold(error))
        {
            return report with { Trouble = Words(error) };
        }
    }

    private static MadeModel? Model(RunState run, ArtifactStore store)
    {
        var made = new[] { ArtifactKind.Model, ArtifactKind.Adapter }
            .Select(kind => run.Stages.Select(stage => (stage, kind, Digest: stage.Output(kind)))
                .LastOrDefault(one => one.Digest is not null))
            .FirstOrDefault(one => one.Digest is not null);
        if (made.Digest is not { } digest)
        {
            return null;
        }
        MadeModel model = new(made.stage.Id, made.kind, digest);
        try
        {
            var folder = store.Folder(digest);
            var source = made.stage.Source("base");
            return model with
            {
                Folder = folder,
                Base = (source as NamedModel)?.Name,
                BaseFolder = source is StageOutput output ? Given(run, output, store) : null,
                Template = Template(folder),
                ServedAs = [.. new Deployments(store.Root).List()
                    .Where(one => Path.GetFileName(one.Adapter ?? one.Folder) == digest).OrderByDescending(one => one.Created)
                    .Select(one => one.Name)],
            };
        }
        catch (Exception error) when (CanBeTold(error))
        {
            return model with { Trouble = Words(error) };
        }
    }

    /// <summary>The folder of what a stage gave; null where it gave nothing yet, or the store has lost it.</summary>
    private static string? Given(RunState run, StageOutput output, ArtifactStore store)
    {
        try
        {
            return run.Stage(output.Stage)?.Outputs.GetValueOrDefault(output.Output) is { } digest ? store.Folder(digest) : null;
        }
        catch (StoreException)
        {
            return null;
        }
    }

    private static PromptTemplate? Template(string folder)
    {
        try
        {
            return ModelPrompt.Of(folder).Format as PromptTemplate;
        }
        catch (Exception error) when (error is ModelException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static bool CanBeTold(Exception error) =>
        error is IOException or UnauthorizedAccessException or StoreException or JsonException;

    private static string Words(Exception error) => error is LostArtifactException
        ? "The store no longer holds it. Run the pipeline again: what is missing is made again." : error.Message;
}

/// <param name="View">Null where it can't be shown, and <paramref name="Trouble"/> says why.</param>
public sealed record StageReport(string Stage, string Digest, ReportView? View, string? Trouble = null)
{
    /// <summary>Paths of the report's files; none where the store has lost it.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];
}

/// <param name="Steps">Empty where they can't be shown, and <paramref name="Trouble"/> says why.</param>
public sealed record StageTraining(string Stage, IReadOnlyList<StepMetrics> Steps, string? Trouble = null)
{
    /// <summary>The lowest loss on held-out rows, and after which step; null where there were none.</summary>
    public StepMetrics? Best => Steps.Where(step => step.EvalLoss is not null).MinBy(step => step.EvalLoss);
}

/// <param name="Kind">A model, or an adapter that needs its base.</param>
public sealed record MadeModel(string Stage, ArtifactKind Kind, string Digest)
{
    /// <summary>Where it lies; null where that can't be told, and <see cref="Trouble"/> says why.</summary>
    public string? Folder { get; init; }

    public string? Trouble { get; init; }

    /// <summary>The name under the models root of the base that it was made from; null when its base is none of these.</summary>
    public string? Base { get; init; }

    /// <summary>Where the base lies that another stage gave; null when none did, or the store no longer holds it.</summary>
    public string? BaseFolder { get; init; }

    /// <summary>As its training wrote prompts; null where that is its own chat template, or can't be read.</summary>
    public PromptTemplate? Template { get; init; }

    /// <summary>The names under which the chat service has it, the newest first.</summary>
    public IReadOnlyList<string> ServedAs { get; init; } = [];
}
