using System.CommandLine;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using Spectre.Console;

namespace LoraAspire.Cli.RunCommands;

internal static class RunsCommand
{
    /// <summary>Where every run that goes on is looked for: each is a log to read.</summary>
    public const int MostShown = 500;

    private const int Usual = 20;

    /// <summary>Runs asked for at once.</summary>
    private const int Page = 50;

    public static Command Create()
    {
        Option<bool> json = JsonScreen.Option();
        Option<bool> quiet = new("--quiet", "-q") { Description = "Ids only" };
        Option<int> limit = new("--limit", "-n") { Description = "So many at most; 0 is all", DefaultValueFactory = _ => Usual };
        Option<bool> all = new("--all") { Description = "As --limit 0" };
        Option<string?> state = new("--state") { Description = "Only those in this state" };
        state.AcceptOnlyFromAmong([.. RunText.States]);
        Command command = new("runs", "List runs, the newest first.") { json, quiet, limit, all, state };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            if (parsed.GetValue(limit) < 0)
            {
                throw new CliException("--limit is a number from 0, which is all.", ExitCode.Usage);
            }
            var client = await App.ConnectAsync();
            var runs = await FindAsync(client, parsed.GetValue(state), parsed.GetValue(all) ? 0 : parsed.GetValue(limit),
                cancellationToken);
            if (parsed.GetValue(json))
            {
                ArtifactStore store = new(App.Folders.Store);
                JsonScreen.Write(runs.Select(run => Json(run, store)));
            }
            else if (parsed.GetValue(quiet))
            {
                runs.ForEach(run => Console.WriteLine(run.Id));
            }
            else
            {
                Show(runs);
                await WriteWaitsAsync(client, runs);
            }
            return 0;
        });
        return command;
    }

    public static async Task<List<RunState>> FindAsync(RunClient client, string? state, int limit, CancellationToken cancellationToken)
    {
        List<RunState> found = [];
        foreach (var ids in (await client.IdsAsync()).Chunk(state is null && limit > 0 ? Math.Min(limit, Page) : Page))
        {
            cancellationToken.ThrowIfCancellationRequested();
            found.AddRange((await Task.WhenAll(ids.Select(client.GetAsync))).OfType<RunState>()
                .Where(run => state is null || RunText.Of(run.Status) == state));
            if (limit > 0 && found.Count >= limit)
            {
                return found[..limit];
            }
        }
        return found;
    }

    /// <summary>A line for each stage that no living worker can do.</summary>
    private static async Task WriteWaitsAsync(RunClient client, IReadOnlyList<RunState> runs)
    {
        var queued = runs.SelectMany(run => run.Stages.Where(stage => stage.Status == StageStatus.Queued)
            .Select(stage => (run.Id, Stage: stage))).ToList();
        var workers = queued.Count == 0 ? [] : await client.WorkersAsync();
        foreach (var (run, stage) in queued)
        {
            if (NobodyCan.Of(stage, workers) is { } why)
            {
                AnsiConsole.MarkupLine($"[yellow]{Markup.Escape($"{run} {stage.Id} {why}")}[/]");
            }
        }
    }

    private static void Show(IReadOnlyList<RunState> runs)
    {
        ArtifactStore store = new(App.Folders.Store);
        var table = new Table().Border(TableBorder.None).AddColumn(new TableColumn("RUN").NoWrap())
            .AddColumns("PIPELINE", "STATE", "SUBMITTED", "TOOK", "CACHED", "LOSS");
        foreach (var run in runs)
        {
            table.AddRow(
                new Text(run.Id), new Text(run.Name), new Markup($"[{RunText.Colour(run.Status)}]{RunText.Of(run.Status)}[/]"),
                new Text(RunText.At(run.SubmittedAt)), new Text(RunText.Took(RunText.Took(run))),
                new Text($"{run.Stages.Count(stage => stage.Cached)}/{run.Stages.Count}"),
                new Text(RunText.Figure(StageTraining.LastStep(run, store)?.SmoothedLoss)));
        }
        AnsiConsole.Write(table);
    }

    public static object Json(RunState run, ArtifactStore store) => new
    {
        run.Id,
        pipeline = run.Name,
        state = run.Status,
        run.SubmittedAt,
        run.FinishedAt,
        stages = run.Stages.Count,
        cached = run.Stages.Count(stage => stage.Cached),
        final_loss = StageTraining.LastStep(run, store)?.SmoothedLoss,
        run.Error,
    };
}
