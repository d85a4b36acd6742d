using System.Diagnostics;
using LoraAspire.Machine;
using StackExchange.Redis;

namespace LoraAspire.RedisTests;

/// <summary>A real redis-server on a free port. Its shell waits on our pipe, so that it is killed however this process ends.</summary>
public sealed class RedisServer : IAsyncLifetime
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);
    private readonly Process _shell = new();

    /// <summary>What it is started with, of its port.</summary>
    internal Func<int, string> Arguments { get; init; } = port => $"--port {port}";

    /// <summary>The connection string, of its port.</summary>
    internal Func<int, string> ConnectionString { get; init; } = port => $"127.0.0.1:{port},connectTimeout=5000,allowAdmin=true";

    public IConnectionMultiplexer Connection { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var program = await Machine.RedisServer.FindOrUnpackAsync(Console.WriteLine);
        var port = Ports.Free(1)[0];
        _shell.StartInfo = new("/bin/sh",
            ["-c", $"'{program.Path}' {Arguments(port)} --bind 127.0.0.1 --save '' --appendonly no --dir /tmp & read _; kill -9 $!"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        };
        program.ApplyTo(_shell.StartInfo);
        _shell.Start();
        await ReadyAsync().WaitAsync(s_patience);
        Connection = await ConnectionMultiplexer.ConnectAsync(ConnectionString(port));
    }

    public async ValueTask DisposeAsync()
    {
        if (Connection is not null)
        {
            await Connection.DisposeAsync();
        }
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync();
    }

    private async Task ReadyAsync()
    {
        var said = new List<string>();
        while (await _shell.StandardOutput.ReadLineAsync() is { } line)
        {
            said.Add(line);
            if (line.Contains("Ready to accept connections", StringComparison.Ordinal))
            {
                _ = _shell.StandardOutput.ReadToEndAsync();
                return;
            }
        }
        throw new InvalidOperationException("redis-server ended before it took connections:\n" + string.Join('\n', said));
    }
}
