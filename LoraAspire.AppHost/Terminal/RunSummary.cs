using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Terminal;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;
using Spectre.Console;

namespace LoraAspire.AppHost.Terminal;

/// <summary>What came of a run: the model's folder, answers before and after, what was cached, what failed.</summary>
internal static class RunSummary
{
    public static void Print(RunState run, LoraPaths folders)
    {
        var store = new ArtifactStore(folders.Store);
        var took = run.FinishedAt - run.SubmittedAt;
        AnsiConsole.MarkupLineInterpolated(
            $"Run {run.Id} {run.Status.ToString().ToLowerInvariant()} after {Duration.Text(took ?? TimeSpan.Zero)}");
        foreach (var failed in run.Stages.Where(stage => stage.Status == StageStatus.Failed))
        {
            AnsiConsole.MarkupLineInterpolated($"[red]Stage {failed.Id} failed:[/] {failed.Error}");
        }
        if (run.Status == RunStatus.Failed && run.Error is { } error)
        {
            AnsiConsole.MarkupLineInterpolated($"[red]{error}[/]");
        }
        if (run.Stages.Where(stage => stage.Cached).Select(stage => stage.Id).ToList() is { Count: > 0 } cached)
        {
            AnsiConsole.MarkupLineInterpolated($"Cached: {string.Join(", ", cached)}");
        }
        foreach (var digest in run.Stages.Select(stage => stage.Output(ArtifactKind.Report)).OfType<string>())
        {
            Try(() => PrintAnswers(AnswersReport.Load(store.Folder(digest))), "The answers can't be shown");
        }
        Try(() =>
        {
            if (ModelLink.Put(run, folders) is { } link)
            {
                AnsiConsole.MarkupLineInterpolated($"Model: [bold]{link}[/]");
            }
        }, "No link leads to the model");
    }

    /// <summary>What came of the run stands, shown or not.</summary>
    private static void Try(Action show, string otherwise)
    {
        try
        {
            show();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StoreException)
        {
            Screen.Warn($"{otherwise}: {error.Message}");
        }
    }

    private static void PrintAnswers(AnswersReport report)
    {
        List<string> candidates = [.. report.Candidates.Select(Markup.Escape)];
        if (report.Scores.Count > 0)
        {
            var scores = new Table().Border(TableBorder.Rounded).AddColumns(["Score", "Base", "Tuned", .. candidates]);
            foreach (var score in report.Scores)
            {
                static string Number(double? value) => FormattableString.Invariant($"{value:0.####}");
                scores.AddRow([new Text(score.Name), new Text(Number(score.Base)), new Text(Number(score.Value), new Style(Color.Green)),
                    .. (score.Candidates ?? []).Select(own => new Text(Number(own.Value)))]);
            }
            AnsiConsole.Write(scores);
        }
        if (report.Questions.Count == 0)
        {
            return;
        }
        var table = new Table().Border(TableBorder.Rounded).ShowRowSeparators()
            .AddColumns(["Question", "Base", "Tuned", .. candidates]);
        foreach (var row in report.Questions)
        {
            table.AddRow([new Text(row.Question), new Text(row.Base ?? ""), new Text(row.Model, new Style(Color.Green)),
                .. (row.Candidates ?? []).Select(own => new Text(own))]);
        }
        AnsiConsole.Write(table);
    }
}
