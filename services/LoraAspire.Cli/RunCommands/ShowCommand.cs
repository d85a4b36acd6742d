using System.CommandLine;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Runs;
using Spectre.Console;

namespace LoraAspire.Cli.RunCommands;

/// <summary>One run: its stages, what they said last, what came of it.</summary>
internal static class ShowCommand
{
    private const int ShownOfKey = 12;

    public static Command Create()
    {
        var name = NamedRun.Argument();
        Option<bool> json = JsonScreen.Option();
        Command command = new("show", "Show a run: its stages, failures, losses, scores, and where its model lies.") { name, json };
        command.SetAction(async (parsed, _) =>
        {
            var runs = await App.ConnectAsync();
            var run = await NamedRun.FindAsync(runs, parsed.GetRequiredValue(name));
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(await JsonAsync(runs, run));
            }
            else
            {
                Show(run, await runs.NoteAsync(run.Id), await PointsAsync(runs, run), Findings(run));
            }
            return 0;
        });
        return command;
    }

    /// <summary>A run as <c>--json</c> shows it.</summary>
    public static async Task<object> JsonAsync(RunClient runs, RunState run) =>
        Json(run, await runs.NoteAsync(run.Id), await PointsAsync(runs, run), Findings(run));

    /// <summary>What each stage said last, in their order; null of one that said nothing.</summary>
    public static async Task<IReadOnlyList<(StageState Stage, string? Said)>> LastSaidAsync(RunClient runs, RunState run)
    {
        var points = await PointsAsync(runs, run);
        return [.. run.Stages.Select(stage => (stage, Last(stage, points)))];
    }

    private static async Task<Dictionary<string, List<StageProgress>>> PointsAsync(RunClient runs, RunState run) =>
        (await runs.ProgressAsync(run.Id)).GroupBy(point => point.Stage)
            .ToDictionary(group => group.Key, group => group.Select(point => point.Progress).ToList());

    private static RunFindings Findings(RunState run) => RunFindings.Read(run, new(App.Folders.Store));

    /// <summary>While it works how far it is, else what it said last in words.</summary>
    private static string? Last(StageState stage, Dictionary<string, List<StageProgress>> points) =>
        !points.TryGetValue(stage.Id, out var said) ? null
            : stage.InFlight && said[^1] is { Message: null } now ? ProgressText.Of(now)
            : said.LastOrDefault(point => point.Message is not null)?.Message;

    private static void Show(RunState run, RunNote note, Dictionary<string, List<StageProgress>> points, RunFindings findings)
    {
        AnsiConsole.MarkupLine($"{Markup.Escape(run.Id)}  {Markup.Escape(run.Name)}  "
            + $"[{RunText.Colour(run.Status)}]{RunText.Of(run.Status)}[/]");
        Console.WriteLine($"submitted {RunText.At(run.SubmittedAt)}, {(run.IsOver ? "took" : "for")} {RunText.Took(RunText.Took(run))}, "
            + $"from {run.File}");
        if (note.Tags.Count > 0)
        {
            Console.WriteLine($"tags: {string.Join(' ', note.Tags)}");
        }
        if (note.Text.Length > 0)
        {
            Console.WriteLine($"note: {note.Text}");
        }
        foreach (var told in run.Notes)
        {
            Console.WriteLine($"note: {told}");
        }
        var table = new Table().Border(TableBorder.None).AddColumns("STAGE", "KIND", "STATE", "TIME", "KEY", "LAST SAID");
        foreach (var stage in run.Stages)
        {
            table.AddRow(new Text(stage.Id), new Text(stage.Kind), new Text(RunText.Of(stage)),
                new Text(stage.Cached ? RunText.None : RunText.Took(RunText.Took(stage))),
                new Text(stage.Key?[..Math.Min(ShownOfKey, stage.Key.Length)] ?? RunText.None), new Text(Last(stage, points) ?? ""));
        }
        AnsiConsole.Write(table);
        ShowEnd(run, findings);
    }

    /// <summary>What came of a run: its failures, losses, scores and its model.</summary>
    public static void ShowEnd(RunState run) => ShowEnd(run, Findings(run));

    private static void ShowEnd(RunState run, RunFindings findings)
    {
        foreach (var stage in run.Stages.Where(stage => stage.Error is not null))
        {
            Console.WriteLine($"{stage.Id}{(stage.Status == StageStatus.Failed ? " failed" : "")}: {stage.Error}");
        }
        if (run.Error is { } error && run.Stages.All(stage => stage.Error is null))
        {
            Console.WriteLine(error);
        }
        Show(findings);
    }

    private static void Show(RunFindings findings)
    {
        foreach (var training in findings.Trainings.Where(training => training.Steps.Count > 0))
        {
            Console.WriteLine($"{training.Stage}: {training.Steps[^1].Step} steps, loss {RunText.Figure(training.Steps[^1].SmoothedLoss)}"
                + (training.Best is { } best ? $", validation {RunText.Figure(best.EvalLoss)} after step {best.Step}" : ""));
        }
        if (findings.Scores.Count > 0)
        {
            var table = new Table().Border(TableBorder.None).AddColumns("SCORE", "STAGE", "BASE", "MODEL", "REQUIRED");
            foreach (var (stage, score) in findings.Scores)
            {
                table.AddRow(new Text(score.Name), new Text(stage), new Text(RunText.Figure(score.Base)),
                    new Text(RunText.Figure(score.Value)), new Text(score.Required is null ? ""
                        : $"{RunText.Figure(score.Required)}: {(score.Met ? "met" : "missed")}"));
            }
            AnsiConsole.Write(table);
        }
        if (findings.Model is { } model)
        {
            Console.WriteLine($"model: {model}");
        }
        foreach (var trouble in findings.Troubles)
        {
            Console.WriteLine(trouble);
        }
    }

    private static object Json(RunState run, RunNote note, Dictionary<string, List<StageProgress>> points, RunFindings findings) => new
    {
        run.Id,
        pipeline = run.Name,
        state = run.Status,
        run.File,
        run.SubmittedAt,
        run.FinishedAt,
        run.Error,
        run.Notes,
        note.Tags,
        note = note.Text,
        stages = run.Stages.Select(stage => new
        {
            stage.Id,
            stage.Kind,
            state = stage.Status,
            stage.Cached,
            stage.Key,
            stage.Attempt,
            stage.Worker,
            stage.StartedAt,
            stage.FinishedAt,
            stage.Outputs,
            explanation = stage.Explain,
            last_said = Last(stage, points),
            stage.Error,
        }),
        trainings = findings.Trainings.Where(training => training.Steps.Count > 0).Select(training => new
        {
            training.Stage,
            steps = training.Steps[^1].Step,
            final_loss = training.Steps[^1].SmoothedLoss,
            best_eval_loss = training.Best?.EvalLoss,
            best_step = training.Best?.Step,
        }),
        scores = findings.Scores.Select(one => new
        {
            one.Stage,
            one.Score.Name,
            one.Score.Value,
            one.Score.Base,
            one.Score.Required,
            one.Score.Met,
        }),
        findings.Model,
        findings.Troubles,
    };
}
