using System.CommandLine;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;

namespace LoraAspire.Cli.RunCommands;

internal static class CancelCommand
{
    public static Command Create()
    {
        var run = NamedRun.Argument();
        Option<bool> leave = new("--no-wait") { Description = "Don't wait until it has stopped" };
        var json = JsonScreen.Option();
        var command = new Command("cancel", "Stop a run, and say what is kept. What is finished is kept in any case.") { run, leave, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var wait = !parsed.GetValue(leave);
            var runs = await App.ConnectAsync();
            var found = await NamedRun.FindAsync(runs, parsed.GetRequiredValue(run));
            if (found.IsOver)
            {
                Console.WriteLine($"{found.Id} is over: {RunText.Of(found.Status)}");
            }
            else
            {
                await runs.CancelAsync(found.Id);
                Console.WriteLine($"cancelling {found.Id}; "
                    + (wait ? "Ctrl-C leaves, and it stops all the same" : $"`lora logs -f {found.Id}` shows when it has stopped"));
                found = wait ? await StoppedAsync(runs, found.Id, cancellationToken) : await runs.GetAsync(found.Id) ?? found;
            }
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(await ShowCommand.JsonAsync(runs, found));
            }
            return 0;
        });
        return command;
    }

    /// <summary>Ctrl-C leaves: the run stops by itself.</summary>
    /// <exception cref="RunLostException">No coordinator is there to stop it.</exception>
    private static async Task<RunState> StoppedAsync(RunClient runs, string run, CancellationToken cancellationToken)
    {
        RunState state = new(run);
        await foreach (var happened in runs.WatchAsync(run, cancellationToken))
        {
            state = state.Apply(happened);
        }
        foreach (var (stage, said) in await ShowCommand.LastSaidAsync(runs, state))
        {
            if (stage.Status == StageStatus.Cancelled && said is not null)
            {
                Console.WriteLine($"{stage.Id}: {said}");
            }
        }
        Console.WriteLine($"{run} is over: {RunText.Of(state.Status)}");
        return state;
    }
}
