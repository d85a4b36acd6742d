using System.CommandLine;

namespace LoraAspire.Cli.RunCommands;

internal static class CancelCommand
{
    public static Command Create()
    {
        var run = NamedRun.Argument();
        var command = new Command("cancel", "Stop a run. What is finished is kept.") { run };
        command.SetAction(async (parsed, _) =>
        {
            var runs = await App.ConnectAsync();
            var id = (await NamedRun.FindAsync(runs, parsed.GetRequiredValue(run))).Id;
            await runs.CancelAsync(id);
            Console.WriteLine($"cancelling {id}; `lora logs -f {id}` shows when it has stopped");
            return 0;
        });
        return command;
    }
}
