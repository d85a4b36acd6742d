using System.Net;
using System.Net.Sockets;
using LoraAspire.Machine;

namespace LoraAspire.Tests.Machine;

public sealed class PortsTests
{
    [Fact]
    public void No_port_is_given_twice_and_each_is_free()
    {
        int[] ports = [.. Ports.Free(20), .. Ports.Free(20)];

        Assert.Equal(40, ports.Distinct().Count());
        Assert.All(ports, port => Assert.True(Ports.IsFree(port)));
    }

    [Fact]
    public void A_given_port_is_none_that_an_outgoing_connection_could_take()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var range = File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range").Split('\t', ' ').Select(int.Parse).ToArray();
        Assert.InRange(((IPEndPoint)listener.LocalEndpoint).Port, range[0], range[1]);
        Assert.SkipWhen(range[0] < 11000, "Here outgoing connections may use nearly every port.");

        Assert.All(Ports.Free(100), port => Assert.NotInRange(port, range[0], range[1]));
    }

    [Fact]
    public void A_port_taken_at_one_of_the_two_loopback_addresses_is_taken()
    {
        Assert.SkipUnless(Socket.OSSupportsIPv6, "This machine has no IPv6.");
        foreach (var address in new[] { IPAddress.Loopback, IPAddress.IPv6Loopback })
        {
            var port = Ports.Free(1)[0];
            using var listener = new TcpListener(address, port);
            listener.Start();

            Assert.False(Ports.IsFree(port), $"{address}");
        }
    }

    [Fact]
    public void A_port_that_stays_taken_is_given_up_after_saying_that_it_waits()
    {
        var port = Ports.Free(1)[0];
        using var listener = new TcpListener(IPAddress.Loopback, port);
        listener.Start();
        var said = 0;

        Assert.False(Ports.WaitUntilFree(port, () => said++));
        listener.Stop();
        Assert.True(Ports.WaitUntilFree(port, () => said++));
        Assert.Equal(1, said);
    }
}
