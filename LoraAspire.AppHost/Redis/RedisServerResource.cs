namespace LoraAspire.AppHost.Redis;

/// <summary>A redis-server of this machine as a resource: a process on loopback, with a password.</summary>
/// <param name="folder">Holds its append-only log and its configuration.</param>
internal sealed class RedisServerResource(string name, string folder, ParameterResource password)
    : ExecutableResource(name, "redis-server", folder), IResourceWithConnectionString
{
    public const string EndpointName = "tcp";

    public ParameterResource Password { get; } = password;

    public EndpointReference PrimaryEndpoint => field ??= new(this, EndpointName);

    public ReferenceExpression ConnectionStringExpression =>
        ReferenceExpression.Create($"{PrimaryEndpoint.Property(EndpointProperty.HostAndPort)},password={Password}");
}
