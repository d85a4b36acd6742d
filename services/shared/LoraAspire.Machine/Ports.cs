using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace LoraAspire.Machine;

/// <summary>Free loopback ports.</summary>
public static class Ports
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(8);
    private const int Lowest = 10000;
    private const int ProcessStride = 64;
    private const string OutgoingRange = "/proc/sys/net/ipv4/ip_local_port_range";

    private static readonly int End = FirstOutgoing();
    private static int given = Environment.ProcessId * ProcessStride % (End - Lowest);

    /// <summary>
    /// So many different ports, none in use now and none given before. They lie below those that the kernel gives to outgoing connections:
    /// one of these could be taken between its choice here and the start of the service that is to listen there. For the same reason each
    /// process begins at a place of its own, so that two apps that start together choose different ones.
    /// </summary>
    public static int[] Free(int count)
    {
        var ports = new List<int>();
        for (var tried = 0; ports.Count < count; tried++)
        {
            if (tried == End - Lowest)
            {
                throw new InvalidOperationException($"Every port from {Lowest} to {End - 1} is taken.");
            }
            var port = Lowest + (int)((uint)Interlocked.Increment(ref given) % (uint)(End - Lowest));
            if (IsFree(port))
            {
                ports.Add(port);
            }
        }
        return [.. ports];
    }

    /// <summary>Whether a server may listen there, at either loopback address: <c>localhost</c> means both.</summary>
    public static bool IsFree(int port) =>
        IsFree(IPAddress.Loopback, port) && (!Socket.OSSupportsIPv6 || IsFree(IPAddress.IPv6Loopback, port));

    /// <summary>Gives an app that is just stopping the time to let go of its port.</summary>
    /// <param name="waiting">Called once when there is something to wait for.</param>
    /// <returns>False when it stays taken.</returns>
    public static bool WaitUntilFree(int port, Action waiting)
    {
        if (IsFree(port))
        {
            return true;
        }
        waiting();
        return SpinWait.SpinUntil(() => IsFree(port), s_patience);
    }

    private static bool IsFree(IPAddress address, int port)
    {
        try
        {
            using var listener = new TcpListener(address, port);
            listener.Start();
            return true;
        }
        catch (SocketException failure)
            when (failure.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.AddressFamilyNotSupported)
        {
            return true;   // A machine without this address: nobody else listens there either.
        }
        catch (SocketException)
        {
            return false;
        }
    }

    /// <summary>
    /// The end of the ports to choose from. Where outgoing connections may use nearly all of them, none is safe, and any will do.
    /// </summary>
    private static int FirstOutgoing()
    {
        var first = File.Exists(OutgoingRange) ? int.Parse(File.ReadAllText(OutgoingRange).Split()[0], CultureInfo.InvariantCulture)
            : 32768;
        return first >= Lowest + 1000 ? first : IPEndPoint.MaxPort;
    }
}
