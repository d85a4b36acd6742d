using System.Diagnostics;
using LoraAspire.EndToEndTests.Lab;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.EndToEndTests.Attempts;

/// <summary>Coordinator and workers as their own processes around a real Redis, without an AppHost that would start them again.</summary>
internal sealed class Workers : IAsyncDisposable
{
    /// <summary>Far beyond what anything here takes, so that a hang is a failure.</summary>
    private static readonly TimeSpan s_patience = TimeSpan.FromMinutes(5);

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-workers-").FullName;
    private readonly RedisProcess _redis = new();
    private readonly List<Process> _processes = [];
    private ConnectionMultiplexer? _connection;

    public ArtifactStore Store => new(Path.Combine(_folder, "store"));

    public RunClient Runs => new(_connection!, new StreamSettings());

    public static CancellationToken Soon => new CancellationTokenSource(s_patience).Token;

    public static async Task<Workers> StartAsync()
    {
        var workers = new Workers();
        await workers._redis.StartAsync();
        workers._connection = await ConnectionMultiplexer.ConnectAsync(workers._redis.ConnectionString);
        workers.Start("Coordinator");
        workers.Start("DataBuild");
        return workers;
    }

    /// <summary>One more process of a service.</summary>
    public Process Start(string service)
    {
        var start = new ProcessStartInfo(Built.Program($"services/LoraAspire.{service}"))
        {
            RedirectStandardOutput = true,
            WorkingDirectory = _folder,
            Environment =
            {
                ["ASPNETCORE_URLS"] = "http://127.0.0.1:0",
                ["ConnectionStrings__redis"] = _redis.ConnectionString,
                ["LORA_STORE"] = Path.Combine(_folder, "store"),
                ["LORA_MODELS"] = Path.Combine(Built.Root, "models"),
                ["LORA_DATA"] = _folder,
                ["OTEL_EXPORTER_OTLP_ENDPOINT"] = null,
            },
        };
        var process = Process.Start(start)!;
        _ = process.StandardOutput.ReadToEndAsync();
        _processes.Add(process);
        return process;
    }

    /// <summary>The process of the attempt that a worker is busy with.</summary>
    public static Process AttemptOf(Process worker) => AttemptsOf(worker).Single();

    public static IReadOnlyList<Process> AttemptsOf(Process worker) =>
        [.. Directory.GetDirectories("/proc").Select(Path.GetFileName).Where(name => int.TryParse(name, out var _)).Select(int.Parse!)
            .Where(id => ReadOrNothing($"/proc/{id}/stat").Split(") ") is [_, var rest] && rest.Split(' ')[1] == $"{worker.Id}")
            .Where(id => ReadOrNothing($"/proc/{id}/cmdline").Split('\0').Contains("attempt"))
            .Select(Process.GetProcessById)];

    /// <summary>Whether native libtorch is mapped into a process.</summary>
    public static bool HasTorch(Process process) =>
        ReadOrNothing($"/proc/{process.Id}/maps").Contains("libtorch_cpu", StringComparison.Ordinal);

    public static void Signal(Process process, string signal)
    {
        using var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>Done when the run has said a line that begins so.</summary>
    public Task<RunLogLine> SaidAsync(string run, string begin) =>
        Runs.LogsAsync(run, follow: true, Soon).FirstAsync(line => line.Text.StartsWith(begin, StringComparison.Ordinal), Soon).AsTask();

    /// <summary>Done when a stage has told this step.</summary>
    public async Task StepAsync(string run, int step) =>
        await Runs.FollowProgressAsync(run, Soon).FirstAsync(point => point.Progress.Phase == "step" && point.Progress.Done >= step, Soon);

    public async Task<RunState> EndOfAsync(string run)
    {
        await foreach (var _ in Runs.WatchAsync(run, Soon))
        {
        }
        return (await Runs.GetAsync(run))!;
    }

    public async Task<IReadOnlyList<RunEvent>> EventsAsync(string run) => await Runs.WatchAsync(run, Soon).ToListAsync(Soon);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
            await process.WaitForExitAsync();
            process.Dispose();
        }
        if (_connection is not null)
        {
            await _connection.DisposeAsync();
        }
        await _redis.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static string ReadOrNothing(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }
}
