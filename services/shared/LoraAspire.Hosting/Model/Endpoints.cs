using System.Globalization;
using System.Net.Sockets;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>A port that a resource serves on: wanted (<see cref="Port"/>, null = any), then <see cref="AllocatedEndpoint"/>.</summary>
public sealed class EndpointAnnotation(
    ProtocolType protocol, string? uriScheme = null, string? transport = null, string? name = null,
    int? port = null, int? targetPort = null, bool? isExternal = null, bool isProxied = true) : IResourceAnnotation
{
    public ProtocolType Protocol { get; } = protocol;
    public string UriScheme { get; } = uriScheme ?? "tcp";
    public string Transport { get; } = transport ?? (uriScheme is "http" or "https" ? "http" : "tcp");
    public string Name { get; } = name ?? uriScheme ?? "tcp";
    public int? Port { get; set; } = port;
    public int? TargetPort { get; set; } = targetPort;
    public bool IsExternal { get; set; } = isExternal ?? false;
    public bool IsProxied { get; set; } = isProxied;
    public AllocatedEndpoint? AllocatedEndpoint { get; set; }
}

public sealed class AllocatedEndpoint(EndpointAnnotation endpoint, string address, int port)
{
    public EndpointAnnotation Endpoint { get; } = endpoint;
    public string Address { get; } = address;
    public int Port { get; } = port;
    public string UriString => $"{Endpoint.UriScheme}://{Address}:{Port.ToString(CultureInfo.InvariantCulture)}";
}

public enum EndpointProperty { Url, Host, Port, Scheme }

public sealed class EndpointReference(IResourceWithEndpoints owner, string endpointName) : IValueProvider
{
    public IResourceWithEndpoints Resource { get; } = owner;
    public string EndpointName { get; } = endpointName;

    public EndpointAnnotation EndpointAnnotation =>
        Resource.Annotations.OfType<EndpointAnnotation>().FirstOrDefault(e => string.Equals(e.Name, EndpointName, StringComparison.OrdinalIgnoreCase))
        ?? throw new InvalidOperationException($"The endpoint '{EndpointName}' is not defined for the resource '{Resource.Name}'.");

    public bool IsAllocated => EndpointAnnotation.AllocatedEndpoint is not null;
    public string Scheme => EndpointAnnotation.UriScheme;
    public string Host => Allocated.Address;
    public int Port => Allocated.Port;
    public string Url => Allocated.UriString;

    private AllocatedEndpoint Allocated => EndpointAnnotation.AllocatedEndpoint
        ?? throw new InvalidOperationException($"The endpoint '{EndpointName}' is not allocated for the resource '{Resource.Name}'.");

    public EndpointReferenceExpression Property(EndpointProperty property) => new(this, property);

    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(Url);
}

public sealed class EndpointReferenceExpression(EndpointReference endpoint, EndpointProperty property) : IValueProvider
{
    public ValueTask<string?> GetValueAsync(CancellationToken cancellationToken = default) => new(property switch
    {
        EndpointProperty.Url => endpoint.Url,
        EndpointProperty.Host => endpoint.Host,
        EndpointProperty.Port => endpoint.Port.ToString(CultureInfo.InvariantCulture),
        EndpointProperty.Scheme => endpoint.Scheme,
        _ => throw new ArgumentOutOfRangeException(nameof(property), property, null),
    });
}
