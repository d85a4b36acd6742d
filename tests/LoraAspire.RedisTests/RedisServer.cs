using System.Diagnostics;
using LoraAspire.Machine;
using StackExchange.Redis;

namespace LoraAspire.RedisTests;

/// <summary>A real redis-server on a free port. Its shell waits on our pipe, so that it is killed however this process ends.</summary>
public sealed class RedisServer : IAsyncLifetime
{
    private readonly Process _shell = new();

    public IConnectionMultiplexer Connection { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        var port = Ports.Free(1)[0];
        var program = await Machine.RedisServer.FindOrUnpackAsync(Console.WriteLine);
        _shell.StartInfo = new("/bin/sh", ["-c", $"'{program.Path}' --port {port} --bind 127.0.0.1 --save '' --appendonly no --dir /tmp >/dev/null & read _; kill -9 $!"])
        {
            RedirectStandardInput = true,
        };
        program.ApplyTo(_shell.StartInfo);
        _shell.Start();
        Connection = await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{port},abortConnect=false,connectRetry=50,connectTimeout=5000,allowAdmin=true");
        while (!Connection.IsConnected)
        {
            await Task.WhenAny(Connected(), Task.Delay(TimeSpan.FromSeconds(1)));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Connection.DisposeAsync();
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync();
    }

    private Task Connected()
    {
        var restored = new TaskCompletionSource();
        Connection.ConnectionRestored += (_, _) => restored.TrySetResult();
        return restored.Task;
    }
}
