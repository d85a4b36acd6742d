using System.CommandLine;

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
            await App.RequireAsync(runs, id);
            await foreach (var line in runs.LogsAsync(id, parsed.GetValue(follow), cancellationToken))
            {
                LogScreen.Write(line);
            }
            return 0;
        });
        return command;
    }
}
