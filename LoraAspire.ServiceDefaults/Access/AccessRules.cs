using System.Net;
using LoraAspire.Runtime.Access;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using static Microsoft.Extensions.Hosting.Extensions;

namespace LoraAspire.ServiceDefaults.Access;

/// <summary>
/// Who may ask a service what. A page can submit runs and stop processes, so other web sites, open in the same browser, stay out: by the
/// Host that they would have to bend to this machine (DNS rebinding) and by the Origin that a browser names. What comes from beyond this
/// machine brings the key.
/// </summary>
/// <param name="Hosts">Names besides localhost under which this service may be asked for.</param>
/// <param name="Key">Null where nothing is to be reached from beyond.</param>
internal sealed record AccessRules(IReadOnlySet<string> Hosts, ApiKey? Key)
{
    public const string HostsVariable = "LORA_ALLOWED_HOSTS";
    public const string LoginPath = "/login";

    private const string NoKey = $"This service is open to its own machine only. To reach it from beyond, set {ApiKeyFile.Variable} to a "
        + "file: its key, made at the first start, lets a client in.";
    private const string KeyMissing = "This service asks for a key: send the header 'Authorization: Bearer KEY' with the key from the "
        + "API key file (api-key in the state folder).";
    private const string LoginMissing =
        "This page asks for a key: open the login link that was printed in the terminal when the app started.";
    private const string Foreign = "This service answers its own pages only, not those of another origin.";

    /// <exception cref="IOException">The file of the key can't be made or read, or holds none.</exception>
    public static AccessRules From(IConfiguration configuration) => new(
        (configuration[HostsVariable] ?? "").Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .ToHashSet(StringComparer.OrdinalIgnoreCase),
        configuration[ApiKeyFile.Variable] is { Length: > 0 } file ? new ApiKey(ApiKeyFile.ReadOrCreate(file)) : null);

    /// <returns>Null when the request is let in.</returns>
    public Refusal? Refuse(HttpContext context)
    {
        var request = context.Request;
        var open = IsHealth(request.Path) || request.Path == LoginPath;
        if (Key is null && !open && !IsThisMachine(context.Connection.LocalIpAddress))
        {
            return new(StatusCodes.Status403Forbidden, NoKey);
        }
        if (!Answers(request.Host.Host))
        {
            return new(StatusCodes.Status400BadRequest,
                $"This service doesn't answer to that host name. Ask for localhost, or name the host in {HostsVariable} before the app "
                    + "starts.");
        }
        if (request.Headers.Origin.Count > 0 && request.Headers.Origin.ToString() != $"{request.Scheme}://{request.Host}")
        {
            return new(StatusCodes.Status403Forbidden, Foreign);
        }
        return open || Key is null || Key.IsIn(request) ? null
            : new(StatusCodes.Status401Unauthorized, KeyMissing, "invalid_api_key", LoginMissing);
    }

    /// <summary>Told to whoever asks: they say nothing but that the service is well.</summary>
    private static bool IsHealth(PathString path) => path == HealthPath || path == AlivePath;

    /// <summary>
    /// A literal address can't be bent to another machine as a name can, so any one is good where the service may be reached from beyond.
    /// </summary>
    private bool Answers(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase) || Hosts.Contains(host)
        || (IPAddress.TryParse(host.StartsWith('[') ? host.Trim('[', ']') : host, out var address)
            && (Key is not null || IsThisMachine(address)));

    /// <summary>Where the request arrived; a Unix socket has no address.</summary>
    private static bool IsThisMachine(IPAddress? local) =>
        local is null || IPAddress.IsLoopback(local.IsIPv4MappedToIPv6 ? local.MapToIPv4() : local);
}
