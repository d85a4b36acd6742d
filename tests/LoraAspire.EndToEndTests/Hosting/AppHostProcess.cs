using System.Diagnostics;
using System.Runtime.InteropServices;

namespace LoraAspire.EndToEndTests.Hosting;

/// <summary>The real AppHost as a process of its own, in a state folder of its own.</summary>
public sealed partial class AppHostProcess : IAsyncDisposable
{
    public const int Interrupt = 2;
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
        new(state ?? Directory.CreateTempSubdirectory("lora-app-").FullName, state is null, [.. s_anyPort.Where(name => !arguments.Contains(name)).SelectMany(name => (string[])[name, "0"]), .. arguments]);

    /// <summary>Returns when every service is healthy; fails with the output when the AppHost ends before.</summary>
    public async Task ReadyAsync()
    {
        var exited = Process.WaitForExitAsync(TestContext.Current.CancellationToken);
        if (await Task.WhenAny(_ready.Task, exited).WaitAsync(TimeSpan.FromMinutes(3), TestContext.Current.CancellationToken) != _ready.Task)
        {
            Assert.Fail(Output);
        }
    }

    /// <summary>All processes that exist because of it, whatever their parent is by now: they carry its state folder in their environment or arguments, or stand in it, as Redis does.</summary>
    public IReadOnlyList<int> Processes() => [.. Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
        .Where(name => int.TryParse(name, out _)).Select(name => int.Parse(name!, System.Globalization.CultureInfo.InvariantCulture))
        .Where(pid => pid != Process.Id && pid != Environment.ProcessId && (Text(pid, "environ") + Text(pid, "cmdline") + Folder(pid)).Contains(State, StringComparison.Ordinal) && IsRunning(pid))];

    public static bool IsRunning(int pid) => Stat(pid) is [not ("Z" or "X"), ..];

    public static string CommandLine(int pid) => Text(pid, "cmdline");

    private static string? Folder(int pid)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{pid}/cwd", returnFinalTarget: false)?.FullName;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Text(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/{file}");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    public void Signal(int signal) => _ = SendSignal(Process.Id, signal);

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

    /// <summary>State, parent and so on; empty when there is no such process.</summary>
    private static string[] Stat(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/stat").Split(')')[^1].Trim().Split(' ');
        }
        catch (IOException)
        {
            return [];
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);
}
