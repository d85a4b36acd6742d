using System.CommandLine;

namespace LoraAspire.Cli.RunCommands;

/// <summary>Forgets runs.</summary>
internal static class RemoveCommand
{
    public static Command Create()
    {
        Argument<string[]> names = new("run") { Description = NamedRun.Form, Arity = ArgumentArity.OneOrMore };
        var json = JsonScreen.Option();
        Command command = new("rm", "Forget runs that are over: their records and logs. What they made stays in the store until "
            + "`lora gc` finds that nobody needs it.") { names, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var runs = await App.ConnectAsync();
            // All are looked for before the first is gone, so that a slip removes nothing.
            var found = new List<Pipelines.Runs.RunState>();
            foreach (var name in parsed.GetRequiredValue(names))
            {
                cancellationToken.ThrowIfCancellationRequested();
                found.Add(await NamedRun.FindAsync(runs, name));
            }
            if (found.Find(run => !run.IsOver) is { } busy)
            {
                throw new CliException($"Run {busy.Id} is {RunText.Of(busy.Status)}: nothing was removed. "
                    + $"`lora cancel {busy.Id}` stops it.");
            }
            foreach (var id in found.Select(run => run.Id).Distinct())
            {
                Console.WriteLine(await runs.RemoveAsync(id) ? $"removed {id}"
                    : throw new CliException($"Run {id} changed meanwhile, and stays. Look at it by `lora show {id}`."));
            }
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { removed = found.Select(run => run.Id).Distinct() });
            }
            return 0;
        });
        return command;
    }
}
