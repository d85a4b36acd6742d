using System.CommandLine;
using LoraAspire.Cli.AlpacaLora;
using LoraAspire.Pipelines.Terminal;
using Spectre.Console;

namespace LoraAspire.Cli.Doctor;

/// <summary>What a machine needs for the app, looked at in seconds. Nothing is changed or fetched.</summary>
internal static class DoctorCommand
{
    public static Command Create()
    {
        Option<string?> model = new("--base")
        {
            Description = "Also look at this base: a model of the models folder by its name, or a folder",
        };
        Option<bool> json = JsonScreen.Option();
        Command command = new("doctor",
            "Check what the app needs of this machine: .NET, libtorch, GPUs, memory, disk, Redis, ports, fonts. Says what to do where "
                + "something is missing; ends with 1 where the app couldn't run.") { model, json };
        command.SetAction(async (parsed, cancellationToken) =>
        {
            var folders = App.Folders;
            var looked = parsed.GetValue(model) is { } given ? FoundBase.Folder(given, folders) : null;
            var (state, app) = MachineChecks.State(folders);
            List<Task<IReadOnlyList<Check>>> looks =
            [
                .. MachineChecks.All(folders, app),
                Check.GuardedAsync(TorchChecks.LibTorchName, () => TorchChecks.AllAsync(cancellationToken)),
                Check.GuardedAsync(RedisCheck.Name, async () => [await RedisCheck.LookAsync(app, cancellationToken)]),
            ];
            if (looked is not null)
            {
                looks.Add(Check.GuardedAsync("base", () => Task.FromResult<IReadOnlyList<Check>>([.. BaseChecks.All(looked)])));
            }
            List<Check> checks = [state, .. (await Task.WhenAll(looks)).SelectMany(found => found)];
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { ok = checks.TrueForAll(check => check.Health != Health.Failure), checks });
            }
            else
            {
                checks.ForEach(Show);
            }
            return (int)(checks.Exists(check => check.Health == Health.Failure) ? ExitCode.Lacking : ExitCode.Done);
        });
        return command;
    }

    private static void Show(Check check)
    {
        var (word, colour) = check.Health switch
        {
            Health.Ok => ("ok", "green"),
            Health.Warning => ("warning", "yellow"),
            _ => ("failure", "red"),
        };
        var words = $"{check.Name}: {check.Found}{(check.Remedy is { } remedy ? $" → {remedy}" : "")}".ReplaceLineEndings(" ");
        AnsiConsole.MarkupLine($"[{colour}]{word,-7}[/]  {Markup.Escape(TerminalText.Clean(words))}");
    }
}
