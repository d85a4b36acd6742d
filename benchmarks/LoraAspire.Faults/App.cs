using System.Diagnostics;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Faults;

/// <summary>The real AppHost with all its services, which can be started again on the same folders.</summary>
/// <param name="pairs">With two coordinators and two trainers.</param>
internal sealed class App(World world, bool pairs) : IAsyncDisposable
{
    private static readonly TimeSpan s_startLimit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_endLimit = TimeSpan.FromSeconds(45);
    private const int ShownLines = 12;

    private readonly List<string> _output = [];
    private Process? _process;
    private ConnectionMultiplexer? _connection;

    public AppProcesses Processes { get; } = new(world.State);

    public int Pid => _process!.Id;

    public bool HasExited => _process!.HasExited;

    public IDatabase Redis => _connection!.GetDatabase();

    public RunClient Runs => new(_connection!, new StreamSettings());

    /// <summary>The last lines that it printed.</summary>
    public string Said
    {
        get
        {
            lock (_output)
            {
                return string.Join('\n', _output.TakeLast(ShownLines));
            }
        }
    }

    /// <returns>False when it ended before it was ready.</returns>
    public async Task<bool> StartAsync(CancellationToken stop)
    {
        var start = new ProcessStartInfo(Program(), ["--state", world.State, "--store", world.Store, "--data", world.Data, "--models",
            world.Models, "--lab-port", "0", "--chat-port", "0", "--dashboard-port", "0",
            .. pairs ? ["--replicas", "coordinator=2", "--replicas", "trainer=2"] : Array.Empty<string>()])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = World.Root,
        };
        start.Environment["LORA_STATE"] = world.State;
        var ready = new TaskCompletionSource();
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, line) => Take(line.Data, ready);
        _process.ErrorDataReceived += (_, line) => Take(line.Data, ready);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        if (await Task.WhenAny(ready.Task, _process.WaitForExitAsync(stop)).WaitAsync(s_startLimit, stop) != ready.Task)
        {
            return false;
        }
        _connection?.Dispose();
        _connection = (ConnectionMultiplexer)LoraRuntime.Connect(AppAddresses.Read(world.State)!.Redis);
        return true;
    }

    /// <summary>Waits until the AppHost and everything that it started is gone.</summary>
    public async Task EndedAsync(CancellationToken stop)
    {
        await _process!.WaitForExitAsync(stop).WaitAsync(s_endLimit, stop);
        for (var since = Stopwatch.StartNew(); Processes.All() is [_, ..] left; await Task.Delay(100, stop))
        {
            if (since.Elapsed > s_endLimit)
            {
                throw new InvalidOperationException(
                    $"{left.Count} processes are left {s_endLimit.TotalSeconds:0} s after the AppHost's end.");
            }
        }
    }

    public async Task StopAsync(CancellationToken stop)
    {
        AppProcesses.Signal(Pid, AppProcesses.Term);
        await EndedAsync(stop);
    }

    /// <summary>Built beside this program: the same configuration and platform.</summary>
    private static string Program() =>
        Path.Combine(World.Root, "LoraAspire.AppHost", Path.GetRelativePath(Path.Combine(World.Root, "benchmarks", "LoraAspire.Faults"),
            AppContext.BaseDirectory), "LoraAspire.AppHost");

    private void Take(string? line, TaskCompletionSource ready)
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
            ready.TrySetResult();
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_process is { HasExited: false })
        {
            await StopAsync(CancellationToken.None);
        }
        _connection?.Dispose();
        _process?.Dispose();
    }
}
