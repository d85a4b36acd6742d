using System.CommandLine;
using LoraAspire.Pipelines.Runs;
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
            var readers = await runs.ReadersAsync();
            var work = await AtWorkAsync(runs);
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new
                {
                    left?.Lab,
                    left?.Chat,
                    services = readers.Select(reader => new
                    {
                        reader.Service,
                        reader.Name,
                        stages = work.Where(one => one.Stage.Worker == reader.Name).Select(one => new { one.Run, one.Stage.Id }),
                    }),
                    waiting = work.Where(one => one.Stage.Status == StageStatus.Queued)
                        .Select(one => new { one.Run, one.Stage.Id, one.Stage.Kind }),
                });
                return 0;
            }
            Show(left, readers, work);
            return 0;
        });
        return command;
    }

    private static async Task<IReadOnlyList<(string Run, StageState Stage)>> AtWorkAsync(RunClient runs) =>
    [
        .. (await runs.ListAsync(RunsCommand.MostShown)).Where(run => !run.IsOver)
            .SelectMany(run => run.Stages.Where(stage => stage.InFlight).Select(stage => (run.Id, stage))),
    ];

    private static void Show(AppAddresses? left, IReadOnlyList<LiveReader> readers, IReadOnlyList<(string Run, StageState Stage)> work)
    {
        if (left is not null)
        {
            Console.WriteLine($"lab {left.Lab}  chat {left.Chat}");
        }
        var table = new Table().Border(TableBorder.None).AddColumns("SERVICE", "PROCESS", "AT");
        foreach (var reader in readers)
        {
            table.AddRow(new Text(reader.Service), new Text(reader.Name), new Text(string.Join(", ",
                work.Where(one => one.Stage.Worker == reader.Name)
                    .Select(one => $"{one.Run} {one.Stage.Id}, {RunText.Took(RunText.Took(one.Stage))}")
                    .DefaultIfEmpty("idle"))));
        }
        AnsiConsole.Write(table);
        foreach (var (run, stage) in work.Where(one => one.Stage.Status == StageStatus.Queued))
        {
            Console.WriteLine($"waiting: {run} {stage.Id}, for a free {stage.Kind} worker");
        }
        if (readers.All(reader => reader.Service != Keys.CoordinatorGroup))
        {
            Console.WriteLine("No coordinator has been heard of: nothing goes forward until one starts.");
        }
    }
}
