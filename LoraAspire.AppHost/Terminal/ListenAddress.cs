using System.CommandLine;
using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace LoraAspire.AppHost.Terminal;

/// <summary>Where lab and chat listen: on loopback, or beyond it and with a key.</summary>
internal static class ListenAddress
{
    public static Option<IPAddress> Option() => new("--listen")
    {
        Description = "Where lab and chat listen: an IPv4 address of this machine, 0.0.0.0 for all of them. Beyond loopback they ask for "
            + "a key, and the terminal prints links that carry it.",
        HelpName = "ADDRESS",
        DefaultValueFactory = _ => IPAddress.Loopback,
        CustomParser = result =>
        {
            var given = result.Tokens.Count == 1 ? result.Tokens[0].Value : "";
            // Written out in full: IPAddress reads 15080 as an address too.
            if (!IPAddress.TryParse(given, out var address) || address.AddressFamily != AddressFamily.InterNetwork
                || address.ToString() != given)
            {
                result.AddError("--listen takes an IPv4 address of this machine, or 0.0.0.0 for all of them.");
            }
            else if (!IPAddress.IsLoopback(address) && !address.Equals(IPAddress.Any) && !OfThisMachine().Contains(address))
            {
                result.AddError(
                    $"{given} is no address of this machine, which has {string.Join(", ", OfThisMachine().Append(IPAddress.Loopback))}.");
            }
            return address ?? IPAddress.Loopback;
        },
    };

    /// <summary>The address of a page as another machine asks for it: 0.0.0.0 is none to ask for.</summary>
    public static Uri AsSeenFromBeyond(Uri page, IPAddress listen) =>
        listen.Equals(IPAddress.Any) && OfThisMachine().FirstOrDefault() is { } own ? new UriBuilder(page) { Host = own.ToString() }.Uri
            : page;

    /// <summary>Besides loopback.</summary>
    private static IReadOnlyList<IPAddress> OfThisMachine() =>
    [
        .. NetworkInterface.GetAllNetworkInterfaces().Where(network => network.OperationalStatus == OperationalStatus.Up)
            .SelectMany(network => network.GetIPProperties().UnicastAddresses).Select(unicast => unicast.Address)
            .Where(address => address.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(address)),
    ];
}
