using System.CommandLine;
using System.Globalization;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Terminal;
using Spectre.Console;

namespace LoraAspire.Cli;

internal static class RunsCommand
{
    /// <summary>Each is a log to read.</summary>
    public const int MostShown = 500;

    public static Command Create()
    {
        var all = new Option<bool>("--all") { Description = $"More than the newest {MostShown}" };
        var command = new Command("runs", "List runs, the newest first.") { all };
        command.SetAction(async (parsed, _) =>
        {
            var table = new Table().Border(TableBorder.None).AddColumn(new TableColumn("RUN").NoWrap())
                .AddColumns("PIPELINE", "STATUS", "SUBMITTED", "TOOK", "STAGES");
            var client = await App.ConnectAsync();
            var runs = await client.ListAsync(parsed.GetValue(all) ? null : MostShown);
            foreach (var run in runs)
            {
                table.AddRow(
                    Markup.Escape(run.Id), Markup.Escape(run.Name), $"[{Colour(run.Status)}]{run.Status.ToString().ToLowerInvariant()}[/]",
                    run.SubmittedAt?.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture) ?? "",
                    run.FinishedAt - run.SubmittedAt is { } took ? Duration.Text(took) : "",
                    Markup.Escape(string.Join(' ', run.Stages.Select(
                        stage => $"{stage.Id}:{(stage.Cached ? "cached" : stage.Status.ToString().ToLowerInvariant())}"))));
            }
            AnsiConsole.Write(table);
            foreach (var run in runs.Where(run => !run.IsOver))
            {
                await WorkersCommand.WriteWaitsAsync(client, run);
            }
            return 0;
        });
        return command;
    }

    private static string Colour(RunStatus status) => status switch
    {
        RunStatus.Succeeded => "green",
        RunStatus.Failed => "red",
        RunStatus.Running => "blue",
        _ => "yellow",
    };
}
