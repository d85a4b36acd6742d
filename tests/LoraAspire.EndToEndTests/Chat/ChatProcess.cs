using System.ClientModel;
using System.Diagnostics;
using System.Text.RegularExpressions;
using OpenAI;

namespace LoraAspire.EndToEndTests.Chat;

/// <summary>The chat service as a child process on a free port, with the base model of this repository in its models folder.</summary>
public partial class ChatProcess : IAsyncLifetime
{
    public const string Model = "pebble";

    private readonly DirectoryInfo _root = Directory.CreateTempSubdirectory("lora-chat-");
    private Process? _process;

    public Uri Address { get; private set; } = new("http://localhost");

    public string Store => Path.Combine(_root.FullName, "store");

    /// <summary>The program under test, from the same build configuration as this test.</summary>
    private static string Program => Built.Program("services/LoraAspire.Chat");

    public static string ModelFolder => Path.Combine(Built.Root, "models", Model);

    /// <summary>The file of the key that the service asks for; null when it asks for none.</summary>
    public virtual string? KeyFile => null;

    public OpenAIClient Client() => new(new ApiKeyCredential("unused"), new OpenAIClientOptions { Endpoint = new Uri(Address, "v1") });

    public async ValueTask InitializeAsync()
    {
        var models = _root.CreateSubdirectory("models");
        Directory.CreateSymbolicLink(Path.Combine(models.FullName, Model), ModelFolder);
        await StartAsync();
    }

    /// <summary>Starts the service and waits until it says where it listens.</summary>
    public async Task StartAsync()
    {
        var listening = new TaskCompletionSource<Uri>(TaskCreationOptions.RunContinuationsAsynchronously);
        var said = new System.Collections.Concurrent.ConcurrentQueue<string?>();
        _process = Start([]);
        _process.OutputDataReceived += (_, line) =>
        {
            said.Enqueue(line.Data);
            if (Listening().Match(line.Data ?? "") is { Success: true } match)
            {
                listening.TrySetResult(new Uri(match.Groups[1].Value));
            }
        };
        _process.Exited += (_, _) =>
            listening.TrySetException(new InvalidOperationException("The chat service ended:\n" + string.Join("\n", said)));
        _process.EnableRaisingEvents = true;
        _process.BeginOutputReadLine();
        Address = await listening.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    public async Task StopAsync()
    {
        if (_process is { } process)
        {
            process.Kill();
            await process.WaitForExitAsync();
            process.Dispose();
            _process = null;
        }
    }

    /// <summary>Runs the program's <c>once</c>; gives its exit code and what it said.</summary>
    public async Task<(int Code, string Said)> RunOnceAsync(params string[] arguments)
    {
        using var process = Start(["once", .. arguments]);
        var error = process.StandardError.ReadToEndAsync();
        var output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        return (process.ExitCode, output + await error);
    }

    private Process Start(string[] arguments)
    {
        var start =
            new ProcessStartInfo(Program, arguments) { RedirectStandardOutput = true, RedirectStandardError = arguments.Length > 0 };
        start.Environment["ASPNETCORE_URLS"] = "http://127.0.0.1:0";
        start.Environment["LORA_MODELS"] = Path.Combine(_root.FullName, "models");
        start.Environment["LORA_STORE"] = Store;
        start.Environment["LORA_DATA"] = _root.FullName;
        start.Environment["LORA_API_KEY_FILE"] = KeyFile;
        start.Environment.Remove("ConnectionStrings__redis");
        return Process.Start(start)!;
    }

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        await StopAsync();
        _root.Delete(recursive: true);
    }

    [GeneratedRegex(@"Now listening on: (http://\S+)")]
    private static partial Regex Listening();
}
