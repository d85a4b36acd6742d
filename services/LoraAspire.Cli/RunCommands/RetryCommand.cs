using System.CommandLine;

namespace LoraAspire.Cli.RunCommands;

/// <summary>The pipeline of a run once more.</summary>
internal static class RetryCommand
{
    public static Command Create()
    {
        var name = NamedRun.Argument();
        var follow = RunCommand.Follow();
        var json = JsonScreen.Option();
        Command command = new("retry",
            "Submit a run's pipeline again, as it was then. What was finished comes from the cache. Prints the new run's id.")
        {
            name, follow, json,
        };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var runs = await App.ConnectAsync();
            var old = await NamedRun.FindAsync(runs, parsed.GetRequiredValue(name));
            return old.Yaml == "" ? throw new CliException($"Of run {old.Id} no pipeline is kept: submit its file by `lora run`.")
                : await RunCommand.SubmitAsync(
                    runs, old.Yaml, old.File, parsed.GetValue(follow), parsed.GetValue(json), cancellationToken);
        });
        return command;
    }
}
