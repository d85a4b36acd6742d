using System.CommandLine;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using LoraAspire.Terminal;

namespace LoraAspire.Cli.RunCommands;

internal static class RunCommand
{
    public static Command Create()
    {
        var file = new Argument<string>("file") { Description = "Pipeline file" };
        var follow = Follow();
        var json = JsonScreen.Option();
        var command = new Command("run", "Submit a pipeline. Prints the run's id.") { file, follow, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var path = parsed.GetRequiredValue(file);
            var runs = await App.ConnectAsync();
            return await SubmitAsync(runs, await PipelineFile.ReadAsync(path, cancellationToken), path, parsed.GetValue(follow),
                parsed.GetValue(json), cancellationToken);
        });
        return command;
    }

    public static Option<bool> Follow() =>
        new("--follow", "-f")
        {
            Description = "Stay and show progress until the run ends; exit code 1 when it fails, 130 when it is cancelled",
        };

    /// <summary>Submits, prints the run's id, and follows the run to its end where that is asked for.</summary>
    /// <param name="json">Its id; of one that is followed the run at its end, as <c>lora show --json</c> has it.</param>
    public static async Task<int> SubmitAsync(
        RunClient runs, string yaml, string file, bool follow, bool json, CancellationToken cancellationToken)
    {
        var run = await runs.SubmitAsync(yaml, file);
        if (!follow || !RunView.IsTerminal)
        {
            Console.WriteLine(run); // a table begins with it
        }
        if (!follow)
        {
            if (json)
            {
                JsonScreen.Write(new { id = run, file });
            }
            return 0;
        }
        var ended = await FollowScreen.ShowAsync(runs, run, cancellationToken);
        if (ended.Status == RunStatus.Succeeded)
        {
            LinkModel(ended);
        }
        if (json)
        {
            JsonScreen.Write(await ShowCommand.JsonAsync(runs, ended));
        }
        return (int)(ended.Status switch
        {
            RunStatus.Succeeded => ExitCode.Done,
            RunStatus.Cancelled => ExitCode.Cancelled,
            _ => ExitCode.Failed,
        });
    }

    /// <summary>Without a link the run has succeeded all the same: the app's store may be on another machine.</summary>
    private static void LinkModel(RunState run)
    {
        try
        {
            if (ModelLink.Put(run, App.Folders) is { } link)
            {
                Console.WriteLine($"Model: {link}");
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or StoreException)
        {
            Console.Error.WriteLine($"No link leads to the model: {error.Message}");
        }
    }
}
