using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using System.Net;
using System.Security.Cryptography;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Access;

namespace LoraAspire.AppHost.Terminal;

/// <summary>The command line, read and checked before anything starts.</summary>
/// <param name="Pipeline">A file to run; null starts the app and waits.</param>
/// <param name="Exit">Stop everything when the run has ended.</param>
/// <param name="Ports">Where the pages listen.</param>
/// <param name="Listen">Where lab and chat listen; everything else listens on loopback.</param>
/// <param name="Replicas">Workers of a kind, where it isn't one.</param>
/// <param name="Passed">Aspire's own arguments, as they came.</param>
/// <param name="BrowserToken">What the dashboard asks of a browser, made per start; null when anybody on this machine may look.</param>
internal sealed record AppHostOptions(
    FileInfo? Pipeline, bool Exit, ListenPorts Ports, IPAddress Listen, LoraPaths Folders, IReadOnlyDictionary<string, int> Replicas,
    string[] Passed, string? BrowserToken)
{
    private const string AllowAnonymous = "ASPIRE_DASHBOARD_UNSECURED_ALLOW_ANONYMOUS";

    /// <summary>The file of the key that every service asks for; null when all listen on loopback and nobody wants one.</summary>
    public string? KeyFile => Environment.GetEnvironmentVariable(ApiKeyFile.Variable) is { Length: > 0 } given ? Path.GetFullPath(given)
        : IPAddress.IsLoopback(Listen) ? null : ApiKeyFile.In(Folders.State);

    /// <summary>
    /// What Aspire's builder reads as configuration: its arguments, and a dashboard that needs no certificate on loopback.
    /// </summary>
    public string[] HostArguments =>
    [
        .. Passed,
        $"--ASPNETCORE_URLS={DashboardUrl ?? "http://127.0.0.1:0"}",
        "--ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL=http://127.0.0.1:0",
        "--ASPIRE_ALLOW_UNSECURED_TRANSPORT=true",
        // Its search for a newer version asks the network and takes a core at the start.
        "--ASPIRE_VERSION_CHECK_DISABLED=true",
        BrowserToken is null ? $"--{AllowAnonymous}=true" : $"--ASPIRE_DASHBOARD_FRONTEND_BROWSERTOKEN={BrowserToken}",
    ];

    /// <summary>Null when its port was left to chance; so for the next.</summary>
    public string? DashboardUrl => Ports.Dashboard is { } port ? $"http://localhost:{port}" : null;

    /// <summary>Opens the dashboard and logs the browser in.</summary>
    public string? DashboardLogin => DashboardUrl is { } url && BrowserToken is { } token ? $"{url}/login?t={token}" : DashboardUrl;

    /// <returns>Null when there is nothing to start: help was asked for, or the command line is wrong.</returns>
    public static AppHostOptions? Parse(string[] args, out int exitCode)
    {
        var (own, passed) = AspireArguments.Split(args);
        var pipeline = new Option<FileInfo?>("--pipeline")
        {
            Description = "Run this pipeline file, show its progress and its result.",
            HelpName = "FILE"
        };
        var listen = ListenAddress.Option();
        var replicas = Terminal.Replicas.Option();
        var exit = new Option<bool>("--exit") { Description = "Stop everything when the run has ended; the exit code is the run's." };
        (string Variable, Option<DirectoryInfo?> Option)[] folders =
        [
            ("LORA_STATE", Folder("--state", "Keeps what runs leave behind; usually .lora")),
            ("LORA_STORE", Folder("--store", "Keeps artifacts, cache and checkpoints; usually store/ in the state folder")),
            ("LORA_DATA", Folder("--data", "The root of data paths in a pipeline; usually the repository")),
            ("LORA_MODELS", Folder("--models", "Base models, a Hugging Face folder each; usually models")),
        ];
        (string Serves, Option<int> Option)[] ports =
        [
            ("the lab", Port("--lab-port", UsualPorts.Lab, "the lab, the pages of runs,", passed)),
            ("the chat service", Port("--chat-port", UsualPorts.Chat, "the chat service's API", passed)),
            ("Aspire's dashboard", Port("--dashboard-port", UsualPorts.Dashboard, "Aspire's dashboard", passed)),
        ];
        var command = new RootCommand(
            "Starts LoraAspire: Redis and every service, each as its own process, until Ctrl-C. Aspire's own arguments "
            + "(--operation publish --publisher manifest --output-path FILE, ...) are passed on.") { pipeline, exit, listen, replicas };
        foreach (var option in ports.Select(port => (Option)port.Option).Concat(folders.Select(folder => folder.Option)))
        {
            command.Add(option);
        }
        command.Validators.Add(result =>
        {
            if (result.Errors.Any() || result.Children.SelectMany(child => child.Errors).Any()
                || result.Children.OfType<OptionResult>().Any(option => option.Tokens.Count > 1 && option.Option != replicas))
            {
                // Values of a wrong command line can't be asked for; what is wrong is said already.
                return;
            }
            if (result.GetValue(exit) && result.GetResult(pipeline) is null)
            {
                result.AddError("--exit needs --pipeline FILE: without a run there is no end to wait for.");
            }
            var taken = ports.Where(port => result.GetValue(port.Option) > 0).GroupBy(port => result.GetValue(port.Option))
                .FirstOrDefault(group => group.Count() > 1);
            if (taken is not null)
            {
                result.AddError($"{string.Join(" and ", taken.Select(port => port.Serves))} cannot share port {taken.Key}.");
            }
        });
        pipeline.Validators.Add(result =>
        {
            if (result.Tokens is [var file] && !File.Exists(file.Value))
            {
                result.AddError($"No pipeline file {Path.GetFullPath(file.Value)}");
            }
        });

        AppHostOptions? options = null;
        command.SetAction(result => options = new AppHostOptions(
            result.GetValue(pipeline), result.GetValue(exit),
            new(Wanted(result.GetValue(ports[0].Option)), Wanted(result.GetValue(ports[1].Option)),
                Wanted(result.GetValue(ports[2].Option))),
            result.GetValue(listen)!, FoldersOf(folders.Select(folder => (folder.Variable, result.GetValue(folder.Option)))),
            Terminal.Replicas.Of(result.GetValue(replicas)!), passed,
            bool.TryParse(Environment.GetEnvironmentVariable(AllowAnonymous), out var anybody) && anybody ? null
                : RandomNumberGenerator.GetHexString(32, lowercase: true)));
        exitCode = command.Parse(own).Invoke();
        return options;
    }

    /// <summary>An option goes before its variable.</summary>
    private static LoraPaths FoldersOf(IEnumerable<(string Variable, DirectoryInfo? Folder)> given) => LoraPaths.FromEnvironment(
        given.Where(one => one.Folder is not null).Select(one => KeyValuePair.Create<string, string?>(one.Variable, one.Folder!.FullName)));

    private static Option<DirectoryInfo?> Folder(string name, string holds) => new(name) { Description = $"{holds}.", HelpName = "FOLDER" };

    private static int? Wanted(int port) => port == 0 ? null : port;

    private static Option<int> Port(string name, int usual, string serves, string[] passed)
    {
        var option = new Option<int>(name)
        {
            Description = $"Where {serves} listens; 0 takes any free port.",
            DefaultValueFactory = _ => usual,
            HelpName = "PORT"
        };
        option.Validators.Add(result =>
        {
            if (!int.TryParse(result.Tokens is [.., var given] ? given.Value : $"{usual}", CultureInfo.InvariantCulture, out var port)
                || port is < 0 or > 65535)
            {
                result.AddError($"{name} takes a port, 0 to 65535.");
            }
            else if (port != 0 && !AspireArguments.Publishes(passed) && !LoraAspire.Machine.Ports
                .WaitUntilFree(port, () => Screen.Note($"Port {port} is still taken; waiting for an app that is stopping.")))
            {
                result.AddError($"Port {port}, wanted for {serves.TrimEnd(',')}, is taken by another program. Stop it, or choose another "
                    + $"with {name} (0 takes any free one).");
            }
        });
        return option;
    }
}

/// <summary>Null takes any free port.</summary>
internal sealed record ListenPorts(int? Lab, int? Chat, int? Dashboard);
