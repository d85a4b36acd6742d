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
            var found = await NamedRun.FindAsync(runs, parsed.GetRequiredValue(run));
            var id = found.Id;
            if (found.IsOver)
            {
                Console.WriteLine($"{id} is over: {found.Status.ToString().ToLowerInvariant()}");
                return 0;
            }
            await runs.CancelAsync(id);
            Console.WriteLine($"cancelling {id}; `lora logs -f {id}` shows when it has stopped");
            return 0;
        });
        return command;
    }
}
