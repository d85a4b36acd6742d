using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Cli.RunCommands;

/// <summary>What came of a run: its trainings, its scores, its model. What can't be read is told in <paramref name="Troubles"/>.</summary>
/// <param name="Scores">Stage and score.</param>
/// <param name="Model">The folder of the model of the last stage that gave one, else of the adapter.</param>
internal sealed record RunFindings(IReadOnlyList<StageTraining> Trainings, IReadOnlyList<(string Stage, ReportedScore Score)> Scores,
    string? Model, IReadOnlyList<string> Troubles)
{
    private const long LargestReport = 32 << 20;

    public static RunFindings Read(RunState run, ArtifactStore store)
    {
        List<string> troubles = [];
        var trainings = run.Stages.Where(stage => StageTraining.DigestOf(stage) is not null)
            .Select(stage => StageTraining.Read(stage, store)).ToList();
        troubles.AddRange(trainings.Where(training => training.Trouble is not null)
            .Select(training => $"{training.Stage}: {training.Trouble}"));
        List<(string, ReportedScore)> scores = [];
        foreach (var stage in run.Stages)
        {
            if (stage.Output(ArtifactKind.Report) is { } digest
                && Try(stage.Id, troubles, () => Report(store.Folder(digest))) is { } report)
            {
                scores.AddRange(report.Scores.Select(score => (stage.Id, score)));
            }
        }
        var made = new[] { ArtifactKind.Model, ArtifactKind.Adapter }
            .Select(kind => run.Stages.Select(stage => (stage.Id, Digest: stage.Output(kind))).LastOrDefault(one => one.Digest is not null))
            .FirstOrDefault(one => one.Digest is not null);
        var model = made.Digest is null ? null : Try(made.Id, troubles, () => store.Folder(made.Digest));
        return new(trainings, scores, model, troubles);
    }

    private static AnswersReport Report(string folder) =>
        new FileInfo(Path.Combine(folder, AnswersReport.FileName)) is { Exists: true, Length: > LargestReport } file
            ? throw new IOException($"{file.FullName} is too large to be shown.") : AnswersReport.Load(folder);

    private static T? Try<T>(string stage, List<string> troubles, Func<T> read) where T : class
    {
        try
        {
            return read();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StoreException)
        {
            troubles.Add($"{stage}: {(error is LostArtifactException ? StageTraining.Lost : error.Message)}");
            return null;
        }
    }
}
