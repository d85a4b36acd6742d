using System.ComponentModel;
using LoraAspire.Cli.Data;
using LoraAspire.Cli.RunCommands;
using LoraAspire.Model.Data;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Runs;
using ModelContextProtocol.Server;

namespace LoraAspire.Cli.Mcp;

/// <summary>What an assistant may always do: look.</summary>
internal static class ReadingTools
{
    private const string RunWords = "A run: its id, the beginning of it or of its last part, or latest";
    private const int MostRuns = 100, MostLines = 500, MostRows = 20, UsualWait = 30, LongestWait = 50; // assistants give a tool a minute

    /// <summary>Points of progress among which the last lines are looked for: most steps of a training say nothing in words.</summary>
    private const int LookedThrough = 5000;

    public static IEnumerable<McpServerTool> All() =>
    [
        Tool.Reading("list_runs", "The newest runs: id, pipeline, state, times, stages from the cache, final loss, error.", ListRuns),
        Tool.Reading("show_run", "One run: its stages with state and last message, losses, scores, and where its model lies.", ShowRun),
        Tool.Reading("explain_run", "Why each stage of a run ran, or was taken from the cache.", ExplainRun),
        Tool.Reading("run_log", "The last lines of what a run did and said.", RunLog),
        Tool.Reading("wait_for_run", "Waits until a run is over, or so many seconds, and shows it. Where it still goes on, call again.",
            WaitForRun),
        Tool.Reading("check_pipeline", "Checks a pipeline's YAML without running it: every error with its place.", CheckPipeline),
        Tool.Reading("pipeline_schema", "The JSON Schema of a pipeline: every key with meaning, default and range.", PipelineSchema),
        Tool.Reading("inspect_data", "Rows of a data set as the model is taught them, with what of them carries loss.", InspectData),
        Tool.Reading("data_stats", "What is in a data set: counts by source, what was dropped and why, lengths.", DataStats),
    ];

    private static Task<string> ListRuns(CancellationToken cancellationToken,
        [Description("running, cancelling, succeeded, failed or cancelled; all where it isn't given")] string? state = null,
        [Description("So many at most")] int limit = 20) => Tool.AnswerAsync(async () =>
    {
        if (state is not null && !RunText.States.Contains(state))
        {
            throw new CliException($"'{Identifiers.Shown(state)}' is no state of a run: {string.Join(", ", RunText.States)}.",
                ExitCode.Usage);
        }
        return (await RunsCommand.FindAsync(await App.ConnectAsync(), state, Math.Clamp(limit, 1, MostRuns), cancellationToken))
            .Select(run => RunsCommand.Json(run, new(App.Folders.Store))).ToList();
    });

    private static Task<string> ShowRun([Description(RunWords)] string run) => Tool.AnswerAsync(async () =>
    {
        var runs = await App.ConnectAsync();
        return await ShowCommand.JsonAsync(runs, await NamedRun.FindAsync(runs, run));
    });

    private static Task<string> ExplainRun([Description(RunWords)] string run, [Description("Only this stage")] string? stage = null) =>
        Tool.AnswerAsync(async () =>
            ExplainCommand.Json(ExplainCommand.Stages(await NamedRun.FindAsync(await App.ConnectAsync(), run), stage)));

    private static Task<string> RunLog(CancellationToken cancellationToken, [Description(RunWords)] string run,
        [Description("So many lines")] int last = 50) => Tool.AnswerAsync(async () =>
    {
        var runs = await App.ConnectAsync();
        var lines = await runs.LogsAsync((await NamedRun.FindAsync(runs, run)).Id, follow: false, LookedThrough, cancellationToken)
            .ToListAsync(cancellationToken);
        return lines.TakeLast(Math.Clamp(last, 1, MostLines)).ToList();
    });

    private static Task<string> WaitForRun(CancellationToken cancellationToken, [Description(RunWords)] string run,
        [Description("1 to 50")] int seconds = UsualWait) => Tool.AnswerAsync(async () =>
    {
        var runs = await App.ConnectAsync();
        var found = await NamedRun.FindAsync(runs, run);
        await Patience.WaitAsync(runs, found.Id, happened => happened is RunFinished,
            TimeSpan.FromSeconds(Math.Clamp(seconds, 1, LongestWait)), cancellationToken);
        return await ShowCommand.JsonAsync(runs, await runs.GetAsync(found.Id) ?? found);
    });

    private static Task<string> CheckPipeline(CancellationToken cancellationToken, [Description("The pipeline")] string yaml) =>
        Tool.AnswerAsync(async () =>
        {
            var (result, errors, notes) = await CheckCommand.LookAsync(yaml, "pipeline.yaml", cancellationToken);
            return CheckCommand.Json(result, errors, notes);
        });

    private static string PipelineSchema() => JsonScreen.Text(Pipelines.Yaml.Schemas.PipelineSchema.Create());

    private static Task<string> InspectData(CancellationToken cancellationToken,
        [Description("A run, or the digest of a data set")] string where,
        [Description("The stage of the run that made it, where several did")] string? stage = null,
        [Description("Rows whose text holds this")] string? find = null, [Description("Rows of this source")] string? source = null,
        [Description("The first row that is looked at, from 0")] int from = 0,
        [Description("So many rows at most, 1 to 20")] int limit = 3) =>
        Tool.AnswerAsync(async () =>
        {
            using var folder = DatasetFolder.Open(await PlaceAsync(where, stage));
            return folder.Matching(new(find, source), cancellationToken).Where(row => row >= from).Take(Math.Clamp(limit, 1, MostRows))
                .Select(row => RowJson.Of(folder.Inspect(row), withTokens: false)).ToList();
        });

    private static Task<string> DataStats([Description("A run, or the digest of a data set")] string where,
        [Description("The stage of the run that made it, where several did")] string? stage = null) =>
        Tool.AnswerAsync(async () => DatasetFacts.Read(await PlaceAsync(where, stage)));

    /// <summary>Of the store alone: the user's other folders aren't an assistant's.</summary>
    private static Task<string> PlaceAsync(string where, string? stage) =>
        Identifiers.IsRun(where) ? DatasetPlace.InStoreAsync(where, stage)
            : throw new CliException($"'{Identifiers.Shown(where)}' is no run and no digest.", ExitCode.NotFound);
}
