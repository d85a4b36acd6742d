using System.CommandLine;
using LoraAspire.Hosting.Engine;

namespace LoraAspire.AppHost.Terminal;

/// <summary>The command line, read and checked before anything starts.</summary>
/// <param name="Pipeline">A file to run; null starts the app and waits.</param>
/// <param name="Exit">Stop everything when the run has ended.</param>
/// <param name="DashboardPort">Null takes any free port.</param>
internal sealed record AppHostOptions(FileInfo? Pipeline, bool Exit, int? DashboardPort, int? ChatPort, AppHostFolders Folders)
{
    /// <summary>What the engine reads as configuration.</summary>
    public string[] EngineArguments => [$"--LORA_STATE={Folders.State}"];

    /// <returns>Null when there is nothing to start: help was asked for, or the command line is wrong.</returns>
    public static AppHostOptions? Parse(string[] args, out int exitCode)
    {
        var pipeline = new Option<FileInfo?>("--pipeline") { Description = "Run this pipeline file, show its progress and its result.", HelpName = "FILE" };
        var exit = new Option<bool>("--exit") { Description = "Stop everything when the run has ended; the exit code is the run's." };
        var dashboardPort = Port("--dashboard-port", 15080, "the dashboard");
        var chatPort = Port("--chat-port", 15081, "the chat page and its API");
        var command = new RootCommand("Starts LoraAspire: Redis and every service, each as its own process, until Ctrl-C.") { pipeline, exit, dashboardPort, chatPort };
        command.Validators.Add(result =>
        {
            if (result.GetValue(exit) && result.GetValue(pipeline) is null)
            {
                result.AddError("--exit needs --pipeline FILE: without a run there is no end to wait for.");
            }
            if (result.GetValue(pipeline) is { Exists: false } missing)
            {
                result.AddError($"No pipeline file {missing.FullName}");
            }
            if (result.GetValue(dashboardPort) is > 0 and var port && port == result.GetValue(chatPort))
            {
                result.AddError($"The dashboard and the chat page cannot share port {port}.");
            }
        });

        AppHostOptions? options = null;
        command.SetAction(result => options = new AppHostOptions(
            result.GetValue(pipeline), result.GetValue(exit), Wanted(result.GetValue(dashboardPort)), Wanted(result.GetValue(chatPort)), AppHostFolders.FromEnvironment()));
        exitCode = command.Parse(args).Invoke();
        return options;
    }

    private static int? Wanted(int port) => port == 0 ? null : port;

    private static Option<int> Port(string name, int usual, string serves)
    {
        var option = new Option<int>(name) { Description = $"Where {serves} listens, on loopback; 0 takes any free port.", DefaultValueFactory = _ => usual, HelpName = "PORT" };
        option.Validators.Add(result =>
        {
            var port = result.GetValue(option);
            if (port is < 0 or > 65535)
            {
                result.AddError($"{name} is a port, 0 to 65535.");
            }
            else if (port != 0 && !Ports.IsFree(port))
            {
                result.AddError($"Port {port}, wanted for {serves}, is taken by another program. Stop it, or choose another with {name} (0 takes any free one).");
            }
        });
        return option;
    }
}
