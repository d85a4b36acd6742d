using System.CommandLine;
using System.Text.Json.Nodes;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Store;
using Spectre.Console;

namespace LoraAspire.Cli.RunCommands;

/// <summary>Runs side by side: the settings in which they differ, and what came of each.</summary>
internal static class CompareCommand
{
    /// <param name="Values">One for each run; null where a run has none.</param>
    internal sealed record Row(string Key, IReadOnlyList<string?> Values);

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
            var (settings, results) = (Settings(runs), Results(runs, store));
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

    internal static IReadOnlyList<Row> Settings(IReadOnlyList<RunState> runs) =>
        [.. Rows([.. runs.Select(Flat)]).Where(row => row.Values.Distinct().Skip(1).Any())];

    private static IReadOnlyList<Row> Results(IReadOnlyList<RunState> runs, ArtifactStore store) => Rows([.. runs.Select(run =>
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
    })]);

    private static List<Row> Rows(IReadOnlyList<Dictionary<string, string>> columns) =>
    [
        .. columns.SelectMany(column => column.Keys).Distinct()
            .Select(key => new Row(key, [.. columns.Select(column => column.GetValueOrDefault(key))])),
    ];

    /// <summary>STAGE: KEY → value, of every setting and input; of a pipeline that this build can't read only why.</summary>
    private static Dictionary<string, string> Flat(RunState run)
    {
        var parsed = PipelineParser.Parse(run.Yaml, run.File);
        if (parsed.Pipeline is null)
        {
            return new() { ["pipeline"] = parsed.Errors.Count > 0 ? parsed.Errors[0].Message : "not kept" };
        }
        Dictionary<string, string> flat = new() { ["pipeline"] = parsed.Pipeline.Name };
        foreach (var stage in parsed.Pipeline.Stages)
        {
            flat[$"{stage.Id}: uses"] = stage.Kind.Name;
            foreach (var (input, source) in stage.Inputs)
            {
                flat[$"{stage.Id}: {input}"] = $"{source}";
            }
            foreach (var (key, value) in (JsonObject)StageKey.Parameters(stage.With))
            {
                flat[$"{stage.Id}: {key}"] = value is JsonValue plain ? plain.ToString() : StageKey.Canonical(value);
            }
        }
        return flat;
    }
}
