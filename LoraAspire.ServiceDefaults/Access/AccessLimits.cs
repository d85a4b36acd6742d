using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace LoraAspire.ServiceDefaults.Access;

/// <summary>What one client can take of a service: every knob of it.</summary>
public static class AccessLimits
{
    /// <summary>Bytes of a request's body, where a service doesn't say otherwise; more is answered with 413.</summary>
    public const long Body = 1 << 20;

    /// <summary>For a service that is sent whole conversations.</summary>
    public const long ConversationBody = 16 << 20;

    private const int Connections = 1024, UpgradedConnections = 128, HeaderBytes = 16 << 10;
    private static readonly TimeSpan s_headers = TimeSpan.FromSeconds(10);
    /// <summary>Between two requests, and before the first: who connects and says nothing keeps others out no longer than this.</summary>
    private static readonly TimeSpan s_silence = TimeSpan.FromSeconds(15);

    internal static void Apply(KestrelServerOptions kestrel)
    {
        kestrel.AddServerHeader = false;
        kestrel.Limits.MaxRequestBodySize = Body;
        kestrel.Limits.RequestHeadersTimeout = s_headers;
        kestrel.Limits.KeepAliveTimeout = s_silence;
        kestrel.Limits.MaxRequestHeadersTotalSize = HeaderBytes;
        kestrel.Limits.MaxConcurrentConnections = Connections;
        // Web sockets: an open page of the lab holds one.
        kestrel.Limits.MaxConcurrentUpgradedConnections = UpgradedConnections;
    }
}
