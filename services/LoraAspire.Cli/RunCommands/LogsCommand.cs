using System.CommandLine;

namespace LoraAspire.Cli.RunCommands;

internal static class LogsCommand
{
    public static Command Create()
    {
        var run = NamedRun.Argument();
        var follow = new Option<bool>("--follow", "-f") { Description = "Go on until the run ends" };
        var json = JsonScreen.Option("As JSON, an object a line");
        var command = new Command("logs", "Show what a run did and said.") { run, follow, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var runs = await App.ConnectAsync();
            var id = (await NamedRun.FindAsync(runs, parsed.GetRequiredValue(run))).Id;
            await foreach (var line in runs.LogsAsync(id, parsed.GetValue(follow), cancellationToken))
            {
                if (parsed.GetValue(json))
                {
                    JsonScreen.WriteLine(line);
                }
                else
                {
                    LogScreen.Write(line);
                }
            }
            return 0;
        });
        return command;
    }
}
