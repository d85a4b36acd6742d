using System.CommandLine;
using System.ComponentModel;
using System.Diagnostics;
using LoraAspire.Runtime;

namespace LoraAspire.Cli.RunCommands;

/// <summary>The lab's page, in the browser.</summary>
internal static class OpenCommand
{
    public static Command Create()
    {
        Argument<string?> name = new("run")
        {
            Description = $"{NamedRun.Form} (default: the list of runs)",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<bool> print = new("--print") { Description = "Only print the address" };
        var json = JsonScreen.Option();
        Command command = new("open", "Open the lab's page of a run, or of all, and print its address.") { name, print, json };
        command.SetAction(async (parsed, _) =>
        {
            var lab = AppAddresses.Read(App.Folders.State)?.Lab ?? throw new CliException(App.NotRunning, ExitCode.NotRunning);
            var address = parsed.GetValue(name) is { } given
                ? $"{lab.TrimEnd('/')}/runs/{(await NamedRun.FindAsync(await App.ConnectAsync(), given)).Id}" : lab;
            Console.WriteLine(address);
            if (parsed.GetValue(json))
            {
                JsonScreen.Write(new { address });
            }
            if (!parsed.GetValue(print) && HasScreen())
            {
                Open(address);
            }
            return 0;
        });
        return command;
    }

    private static bool HasScreen() => !OperatingSystem.IsLinux()
        || new[] { "DISPLAY", "WAYLAND_DISPLAY" }.Any(name => Environment.GetEnvironmentVariable(name) is { Length: > 0 });

    /// <summary>The address stands on the screen already, so that a desktop without a browser is no failure.</summary>
    private static void Open(string address)
    {
        try
        {
            using var browser = Process.Start(new ProcessStartInfo(address) { UseShellExecute = true });
        }
        catch (Exception error) when (error is Win32Exception or InvalidOperationException)
        {
            Console.Error.WriteLine($"No browser came up: {error.Message}");
        }
    }
}
