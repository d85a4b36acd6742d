using System.CommandLine;
using System.Globalization;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Streams;
using Spectre.Console;

namespace LoraAspire.Cli.RunCommands;

internal static class WorkersCommand
{
    public static Command Create()
    {
        var command = new Command("workers", "List the workers that live, what they have and do, and stages that none of them can do.");
        command.SetAction(async (_, _) =>
        {
            var client = await App.ConnectAsync();
            var workers = await client.WorkersAsync();
            var runs = (await client.ListAsync(RunsCommand.MostShown)).Where(run => !run.IsOver).ToList();
            var table = new Table().Border(TableBorder.None).AddColumn(new TableColumn("WORKER").NoWrap())
                .AddColumns("KIND", "SINCE", "GPUS", "DOES");
            foreach (var worker in workers)
            {
                table.AddRow(Markup.Escape(worker.Name), Markup.Escape(worker.Kind),
                    worker.Since.ToLocalTime().ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture),
                    Markup.Escape(Gpus(worker)), Markup.Escape(Work(worker, runs)));
            }
            AnsiConsole.Write(table);
            foreach (var run in runs)
            {
                await WriteWaitsAsync(client, run);
            }
            return 0;
        });
        return command;
    }

    /// <summary>A line for each stage that no living worker can do.</summary>
    public static async Task WriteWaitsAsync(Runtime.Runs.RunClient client, RunState run)
    {
        foreach (var (stage, words) in await client.WaitsAsync(run))
        {
            AnsiConsole.MarkupLine($"[yellow]{Markup.Escape($"{run.Id} {stage} {words}")}[/]");
        }
    }

    private static string Gpus(LivingWorker worker) => worker.Gpus.Count == 0
        ? worker.GpuMemory == 0 ? "none" : $"{worker.GpuMemory} GiB"
        : string.Join(", ", worker.Gpus.GroupBy(gpu => $"{gpu.Name}{Size(gpu)}").Select(same =>
            same.Count() == 1 ? same.Key : $"{same.Count()} × {same.Key}"));

    private static string Size(GpuCard gpu) => gpu.Memory is { } bytes ? $" {GpuSize.Of(bytes)} GiB" : "";

    private static string Work(LivingWorker worker, IEnumerable<RunState> runs) => string.Join(", ", runs.SelectMany(run => run.Stages
        .Where(stage => stage.Status == StageStatus.Running && stage.Worker == worker.Name).Select(stage => $"{run.Id} {stage.Id}")));
}
