using System.Text.Json;
using LoraAspire.Lab.Languages;
using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Runs;
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
        [.. run.Stages.Where(stage => StageTraining.DigestOf(stage) is not null).Select(stage => StageTraining.Read(stage, store))],
        Model(run, store));

    private static StageReport Report(StageState stage, string digest, ArtifactStore store)
    {
        StageReport report = new(stage.Id, digest, null);
        try
        {
            var folder = store.Folder(digest);
            var files = store.Manifest(digest).Files;
            report = report with { Files = [.. files.Select(file => file.Path)] };
            return files.Any(file => file.Path == AnswersReport.FileName && file.Size > Largest)
                ? report with { Trouble = Words.Of("This report is too large for a page: download it.") }
                : report with { View = ReportView.Of(AnswersReport.Load(folder)) };
        }
        catch (Exception error) when (CanBeTold(error))
        {
            return report with { Trouble = Said(error) };
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
            return model with { Trouble = Said(error) };
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

    private static string Said(Exception error) => error is LostArtifactException ? Words.Of(StageTraining.Lost) : error.Message;
}

/// <param name="View">Null where it can't be shown, and <paramref name="Trouble"/> says why.</param>
public sealed record StageReport(string Stage, string Digest, ReportView? View, string? Trouble = null)
{
    /// <summary>Paths of the report's files; none where the store has lost it.</summary>
    public IReadOnlyList<string> Files { get; init; } = [];
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
