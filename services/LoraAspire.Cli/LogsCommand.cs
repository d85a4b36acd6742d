using System.CommandLine;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Cli;

internal static class LogsCommand
{
    public static Command Create()
    {
        var run = new Argument<string>("run") { Description = "Run id, as `lora runs` shows it" };
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the run ends" };
        var command = new Command("logs", "Show what a run did and said.") { run, follow };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var id = parsed.GetRequiredValue(run);
            var runs = await App.ConnectAsync();
            await Known.RequireAsync(runs, id);
            await foreach (var line in runs.LogsAsync(id, parsed.GetValue(follow), cancellationToken))
            {
                Screen.Write(line);
            }
            return 0;
        });
        return command;
    }
}

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
            await Known.RequireAsync(runs, id);
            await runs.CancelAsync(id);
            Console.WriteLine($"cancelling {id}; `lora logs -f {id}` shows when it has stopped");
            return 0;
        });
        return command;
    }
}

internal static class Known
{
    /// <exception cref="CliException">There is no such run.</exception>
    public static async Task RequireAsync(RunClient runs, string id)
    {
        if (await runs.GetAsync(id) is null)
        {
            throw new CliException($"No run '{id}'. `lora runs` lists them.");
        }
    }
}
