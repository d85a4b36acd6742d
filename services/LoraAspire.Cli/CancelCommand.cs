using System.CommandLine;

namespace LoraAspire.Cli;

internal static class CancelCommand
{
    public static Command Create()
    {
        var run = new Argument<string>("run") { Description = "Run id, as `lora runs` shows it" };
        var command = new Command("cancel", "Stop a run. What is finished is kept.") { run };
        command.SetAction(async (parsed, _) =>
        {
            var id = parsed.GetRequiredValue(run);
            var runs = await App.ConnectAsync();
            await App.RequireAsync(runs, id);
            await runs.CancelAsync(id);
            Console.WriteLine($"cancelling {id}; `lora logs -f {id}` shows when it has stopped");
            return 0;
        });
        return command;
    }
}
