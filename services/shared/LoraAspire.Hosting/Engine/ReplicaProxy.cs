using System.Net;
using System.Net.Sockets;

namespace LoraAspire.Hosting.Engine;

/// <summary>One public loopback port in front of several target ports; connections go round, past those that do not answer.</summary>
internal sealed class ReplicaProxy : IDisposable
{
    private readonly TcpListener _listener;
    private readonly IReadOnlyList<int> _targets;
    private readonly CancellationTokenSource _stopping = new();
    private int _next;

    public ReplicaProxy(int port, IReadOnlyList<int> targets)
    {
        _targets = targets;
        _listener = new TcpListener(IPAddress.Loopback, port);
        _listener.Start();
        _ = AcceptAsync();
    }

    public void Dispose()
    {
        _stopping.Cancel();
        _listener.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                _ = ForwardAsync(await _listener.AcceptTcpClientAsync(_stopping.Token));
            }
        }
        catch (Exception end) when (end is OperationCanceledException or ObjectDisposedException or SocketException)
        {
            // Stopped.
        }
    }

    private async Task ForwardAsync(TcpClient client)
    {
        using (client)
        {
            try
            {
                using var target = await ConnectAsync();
                if (target is not null)
                {
                    var (inner, outer) = (target.GetStream(), client.GetStream());
                    await Task.WhenAny(outer.CopyToAsync(inner, _stopping.Token), inner.CopyToAsync(outer, _stopping.Token));
                }
            }
            catch (Exception end) when (end is OperationCanceledException or IOException or SocketException)
            {
                // One side hung up, as connections do.
            }
        }
    }

    private async Task<TcpClient?> ConnectAsync()
    {
        for (var tried = 0; tried < _targets.Count; tried++)
        {
            var target = new TcpClient();
            try
            {
                await target.ConnectAsync(IPAddress.Loopback, _targets[(int)((uint)Interlocked.Increment(ref _next) % (uint)_targets.Count)], _stopping.Token);
                return target;
            }
            catch (SocketException)
            {
                target.Dispose();
            }
        }
        return null;
    }
}
