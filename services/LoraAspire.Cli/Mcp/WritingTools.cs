using System.ComponentModel;
using System.Text;
using LoraAspire.Cli.Chat;
using LoraAspire.Cli.RunCommands;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Runs;
using ModelContextProtocol.Server;

namespace LoraAspire.Cli.Mcp;

/// <summary>What an assistant may do with <c>--allow-submit</c>: run pipelines, cancel runs, talk to a model.</summary>
internal static class WritingTools
{
    /// <summary>The name under which a run's record has an assistant's pipeline.</summary>
    private const string File = "mcp.yaml";

    /// <summary>A coordinator that lives takes a run in less.</summary>
    private static readonly TimeSpan s_taken = TimeSpan.FromSeconds(10);

    public static IEnumerable<McpServerTool> All() =>
    [
        Tool.Writing("submit_run", "Submits a pipeline and gives the new run's id. check_pipeline tells beforehand what is wrong with it.",
            SubmitRun),
        Tool.Writing("cancel_run", "Stops a run. What is finished is kept.", CancelRun, destructive: true),
        Tool.Writing("ask_model", "Says something to a model that a run has put behind the chat service, and gives its answer.", AskModel),
    ];

    private static Task<string> SubmitRun(CancellationToken cancellationToken, [Description("The pipeline")] string yaml) =>
        Tool.AnswerAsync(async () =>
        {
            PipelineTarget.Check(yaml, File, App.Folders);
            var runs = await App.ConnectAsync();
            var run = await runs.SubmitAsync(yaml, File);
            // So that the next tool finds it.
            await Patience.WaitAsync(runs, run, happened => happened is RunSubmitted, s_taken, cancellationToken);
            return new { run, taken = await runs.GetAsync(run) is not null };
        });

    private static Task<string> CancelRun([Description("The run's whole id")] string run) => Tool.AnswerAsync(async () =>
    {
        var runs = await App.ConnectAsync();
        if ((await NamedRun.FindAsync(runs, run)).Id != run)
        {
            throw new CliException($"'{Identifiers.Shown(run)}' is no whole id: list_runs has them.", ExitCode.Usage);
        }
        await runs.CancelAsync(run);
        return new { run, state = "cancelling" };
    });

    private static Task<string> AskModel(CancellationToken cancellationToken, [Description("What is said")] string message,
        [Description("The model's id; the one deployed last where it isn't given")] string? model = null,
        [Description("What stands before it")] string? system = null) => Tool.AnswerAsync(async () =>
    {
        using var service = await ChatService.ConnectAsync(address: null, model, cancellationToken);
        StringBuilder answer = new();
        Conversation conversation = new(service.Client, service.Model) { System = system };
        await service.CallAsync(() => conversation.AskAsync(message, piece => answer.Append(piece), cancellationToken),
            cancellationToken);
        return new { service.Model, answer = answer.ToString() };
    });
}
