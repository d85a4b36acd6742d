using System.Diagnostics;
using LoraAspire.Hosting.Engine;

namespace LoraAspire.EndToEndTests.Dashboard;

/// <summary>A real redis-server on a free port, with its append-only file in a folder of its own, so that it can die and come back.</summary>
public sealed class RedisProcess : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lora-dashboard-redis-").FullName;
    private Process? process;

    public int Port { get; } = Ports.Free(1)[0];

    public string ConnectionString => $"127.0.0.1:{Port}";

    /// <summary>Returns once it takes connections.</summary>
    public async Task StartAsync()
    {
        process = Process.Start(new ProcessStartInfo("redis-server",
            ["--port", $"{Port}", "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", "--appendfsync", "always", "--save", ""])
        { RedirectStandardOutput = true })!;
        while (await process.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Contains("Ready to accept connections", StringComparison.Ordinal))
            {
                _ = process.StandardOutput.ReadToEndAsync();
                return;
            }
        }
        throw new InvalidOperationException($"redis-server ended with {process.ExitCode} before it took connections.");
    }

    public async Task KillAsync()
    {
        process!.Kill();
        await process.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (process is { HasExited: false })
        {
            await KillAsync();
        }
        process?.Dispose();
        Directory.Delete(folder, recursive: true);
    }
}
