using System.Diagnostics;
using LoraAspire.Faults;

namespace LoraAspire.EndToEndTests.Hosting;

/// <summary>The real AppHost as a process of its own, in a state folder of its own.</summary>
public sealed class AppHostProcess : IAsyncDisposable
{
    public const int Kill = 9;

    private static readonly string[] s_anyPort = ["--lab-port", "--dashboard-port", "--chat-port"];
    private readonly TaskCompletionSource _ready = new();
    private readonly List<string> _output = [];
    private readonly bool _ownsState;

    private AppHostProcess(string state, bool ownsState, string[] arguments)
    {
        (State, _ownsState) = (state, ownsState);
        var start = new ProcessStartInfo(Built.Program("LoraAspire.AppHost"), arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = Built.Root,
        };
        start.Environment["LORA_STATE"] = state;
        start.Environment["DOTNET_ENVIRONMENT"] = "Development";
        Process = Process.Start(start)!;
        Process.OutputDataReceived += (_, line) => Take(line.Data);
        Process.ErrorDataReceived += (_, line) => Take(line.Data);
        Process.BeginOutputReadLine();
        Process.BeginErrorReadLine();
    }

    public string State { get; }
    public Process Process { get; }

    public string Output
    {
        get
        {
            lock (_output)
            {
                return string.Join('\n', _output);
            }
        }
    }

    /// <param name="state">The folder of another one; null makes a new one.</param>
    public static AppHostProcess Start(string? state = null, params string[] arguments) =>
        new(state ?? Directory.CreateTempSubdirectory("lora-app-").FullName, state is null,
            [.. s_anyPort.Where(name => !arguments.Contains(name)).SelectMany(name => (string[])[name, "0"]), .. arguments]);

    /// <summary>Returns when every service is healthy; fails with the output when the AppHost ends before.</summary>
    public async Task ReadyAsync()
    {
        var exited = Process.WaitForExitAsync(TestContext.Current.CancellationToken);
        if (await Task.WhenAny(_ready.Task, exited)
            .WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken) != _ready.Task)
        {
            Assert.Fail(Output);
        }
    }

    /// <summary>All processes that exist because of it, whatever their parent is by now.</summary>
    public IReadOnlyList<int> Processes() => [.. new AppProcesses(State).All().Where(pid => pid != Process.Id)];

    public void Signal(int signal) => AppProcesses.Signal(Process.Id, signal);

    public async ValueTask DisposeAsync()
    {
        if (!Process.HasExited)
        {
            Process.Kill();
            await Process.WaitForExitAsync(CancellationToken.None);
        }
        Process.Dispose();
        if (_ownsState)
        {
            SpinWait.SpinUntil(() => TryDelete(State), TimeSpan.FromSeconds(5));
        }
    }

    private static bool TryDelete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
            return true;
        }
        catch (IOException)
        {
            // A killed app's Redis may be writing its last.
            return false;
        }
    }

    private void Take(string? line)
    {
        if (line is null)
        {
            return;
        }
        lock (_output)
        {
            _output.Add(line);
        }
        if (line.StartsWith("Ready", StringComparison.Ordinal))
        {
            _ready.TrySetResult();
        }
    }
}
