using System.Diagnostics;
using LoraAspire.Machine;

namespace LoraAspire.EndToEndTests.Lab;

/// <summary>
/// A real redis-server on a free port, with its append-only file in a folder of its own, so that it can die and come back.
/// </summary>
/// <param name="appendFsync">When a write is on the disk: always, or everysec as Redis does by itself.</param>
public sealed class RedisProcess(string appendFsync = "always") : IAsyncDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("lora-lab-redis-").FullName;
    private Process? process;

    public int Port { get; } = Ports.Free(1)[0];

    public string ConnectionString => $"127.0.0.1:{Port}";

    /// <summary>Returns once it takes connections.</summary>
    public async Task StartAsync()
    {
        var program = await RedisServer.FindOrUnpackAsync(Console.WriteLine);
        var start = new ProcessStartInfo(program.Path,
            ["--port", $"{Port}", "--bind", "127.0.0.1", "--dir", folder, "--appendonly", "yes", "--appendfsync", appendFsync, "--save",
                ""])
        { RedirectStandardOutput = true };
        program.ApplyTo(start);
        process = Process.Start(start)!;
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
