using System.CommandLine;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Store;
using Spectre.Console;

namespace LoraAspire.Cli.RunCommands;

/// <summary>Runs side by side: the settings in which they differ, and what came of each.</summary>
internal static class CompareCommand
{
    public static Command Create()
    {
        Argument<string[]> names = new("run") { Description = NamedRun.Form, Arity = new(2, 20) };
        Option<bool> json = JsonScreen.Option();
        Command command = new("compare", "Show in which settings runs differ, defaults included, and their losses and scores.")
        {
            names, json,
        };
        command.SetAction(async (parsed, _) =>
        {
            var client = await App.ConnectAsync();
            List<RunState> runs = [];
            foreach (var name in parsed.GetRequiredValue(names))
            {
                runs.Add(await NamedRun.FindAsync(client, name));
            }
            ArtifactStore store = new(App.Folders.Store);
            IReadOnlyList<ComparedValues> settings = [.. ComparedValues.Of([.. runs.Select(RunSettings.Of)]).Where(row => row.Differ)];
            var results = Results(runs, store);
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { runs = runs.Select(run => run.Id), settings, results });
                return 0;
            }
            var table = new Table().Border(TableBorder.Simple).AddColumn("")
                .AddColumns([.. runs.Select(run => new TableColumn(new Text(run.Id)))]);
            foreach (var row in settings.Concat(results))
            {
                table.AddRow([new Text(row.Key), .. row.Values.Select(value => new Text(value ?? RunText.None))]);
            }
            AnsiConsole.Write(table);
            if (settings.Count == 0)
            {
                Console.WriteLine("They don't differ in any setting.");
            }
            return 0;
        });
        return command;
    }

    private static IReadOnlyList<ComparedValues> Results(IReadOnlyList<RunState> runs, ArtifactStore store) =>
        ComparedValues.Of([.. runs.Select(run => Results(run, store))]);

    private static Dictionary<string, string> Results(RunState run, ArtifactStore store)
    {
        var findings = RunFindings.Read(run, store);
        Dictionary<string, string> results = new()
        {
            ["state"] = RunText.Of(run.Status),
            ["took"] = RunText.Took(RunText.Took(run)),
        };
        foreach (var training in findings.Trainings.Where(training => training.Steps.Count > 0))
        {
            results[$"{training.Stage}: steps"] = RunText.Figure(training.Steps[^1].Step);
            results[$"{training.Stage}: final loss"] = RunText.Figure(training.Steps[^1].SmoothedLoss);
            if (training.Best is { } best)
            {
                results[$"{training.Stage}: validation loss"] = RunText.Figure(best.EvalLoss);
            }
        }
        foreach (var (stage, score) in findings.Scores)
        {
            results[$"{stage}: {score.Name}"] = RunText.Figure(score.Value);
        }
        return results;
    }
}
