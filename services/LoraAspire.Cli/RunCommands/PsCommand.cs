using System.CommandLine;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using Spectre.Console;

namespace LoraAspire.Cli.RunCommands;

/// <summary>Who is there, and at what.</summary>
internal static class PsCommand
{
    public static Command Create()
    {
        Option<bool> json = JsonScreen.Option();
        Command command = new("ps", "Show the services that live, and the stages that they are at.") { json };
        command.SetAction(async (parsed, _) =>
        {
            var runs = await App.ConnectAsync();
            var left = AppAddresses.Read(App.Folders.State);
            var workers = await runs.WorkersAsync();
            var work = await AtWorkAsync(runs);
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new
                {
                    left?.Lab,
                    left?.Chat,
                    services = workers.Select(worker => new
                    {
                        service = worker.Kind,
                        worker.Name,
                        worker.Since,
                        worker.Gpus,
                        stages = work.Where(one => one.Stage.Worker == worker.Name).Select(one => new { one.Run, one.Stage.Id }),
                    }),
                    waiting = work.Where(one => one.Stage.Status == StageStatus.Queued)
                        .Select(one => new { one.Run, one.Stage.Id, one.Stage.Kind, words = Words(one.Stage, workers) }),
                });
                return 0;
            }
            Show(left, workers, work);
            return 0;
        });
        return command;
    }

    private static async Task<IReadOnlyList<(string Run, StageState Stage)>> AtWorkAsync(RunClient runs) =>
    [
        .. (await runs.ListAsync(RunsCommand.MostShown)).Where(run => !run.IsOver)
            .SelectMany(run => run.Stages.Where(stage => stage.InFlight).Select(stage => (run.Id, stage))),
    ];

    private static void Show(AppAddresses? left, IReadOnlyList<LivingWorker> workers, IReadOnlyList<(string Run, StageState Stage)> work)
    {
        if (left is not null)
        {
            Console.WriteLine($"lab {left.Lab}  chat API {left.Chat}");
        }
        var table = new Table().Border(TableBorder.None).AddColumns("SERVICE", "PROCESS", "SINCE", "GPUS", "AT");
        foreach (var worker in workers)
        {
            table.AddRow(new Text(worker.Kind), new Text(worker.Name), new Text(RunText.At(worker.Since)), new Text(Gpus(worker)),
                new Text(string.Join(", ", work.Where(one => one.Stage.Worker == worker.Name)
                    .Select(one => $"{one.Run} {one.Stage.Id}, {RunText.Took(RunText.Took(one.Stage))}").DefaultIfEmpty("idle"))));
        }
        AnsiConsole.Write(table);
        foreach (var (run, stage) in work.Where(one => one.Stage.Status == StageStatus.Queued))
        {
            Console.WriteLine($"{run} {stage.Id} {Words(stage, workers)}");
        }
        if (workers.All(worker => worker.Kind != Keys.CoordinatorGroup))
        {
            Console.WriteLine("No coordinator has been heard of: nothing goes forward until one starts.");
        }
    }

    private static string Words(StageState stage, IReadOnlyList<LivingWorker> workers) =>
        NobodyCan.Of(stage, workers)?.ToString() ?? $"waits for a free {stage.Kind}";

    private static string Gpus(LivingWorker worker) => worker.Gpus.Count == 0
        ? worker.GpuMemory == 0 ? RunText.None : $"{worker.GpuMemory} GiB"
        : string.Join(", ", worker.Gpus.GroupBy(gpu => $"{gpu.Name}{Size(gpu)}").Select(same =>
            same.Count() == 1 ? same.Key : $"{same.Count()} × {same.Key}"));

    private static string Size(GpuCard gpu) => gpu.Memory is { } bytes ? $" {GpuSize.Of(bytes)} GiB" : "";
}
