using System.Security.Cryptography;
using Aspire.Hosting.ApplicationModel;
using LoraAspire.Hosting.Redis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Aspire.Hosting;

/// <summary>The kinds of resources an app is made of.</summary>
public static class ProjectResourceBuilderExtensions
{
    private sealed record ProjectAt(string ProjectPath) : IProjectMetadata;

    public static IResourceBuilder<ProjectResource> AddProject<TProject>(this IDistributedApplicationBuilder builder, string name) where TProject : IProjectMetadata, new() =>
        builder.AddProject(name, new TProject());

    public static IResourceBuilder<ProjectResource> AddProject(this IDistributedApplicationBuilder builder, string name, string projectPath) =>
        builder.AddProject(name, new ProjectAt(Path.GetFullPath(projectPath, builder.AppHostDirectory)));

    private static IResourceBuilder<ProjectResource> AddProject(this IDistributedApplicationBuilder builder, string name, IProjectMetadata project) =>
        builder.AddResource(new ProjectResource(name)).WithAnnotation(project);

    public static IResourceBuilder<ProjectResource> WithReplicas(this IResourceBuilder<ProjectResource> builder, int replicas) =>
        builder.WithAnnotation(new ReplicaAnnotation(replicas));
}

public static class ExecutableResourceBuilderExtensions
{
    public static IResourceBuilder<ExecutableResource> AddExecutable(this IDistributedApplicationBuilder builder, string name, string command, string workingDirectory, params string[]? args) =>
        builder.AddResource(new ExecutableResource(name, command, Path.GetFullPath(workingDirectory, builder.AppHostDirectory))).WithArgs(args ?? []);
}

public static class ParameterResourceBuilderExtensions
{
    /// <summary>A value taken from configuration, <c>Parameters:{name}</c>.</summary>
    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, bool secret = false) =>
        builder.AddResource(new ParameterResource(name, _ => builder.Configuration[$"Parameters:{name}"]
            ?? throw new MissingParameterValueException($"Parameter resource could not be used because configuration key 'Parameters:{name}' is missing and the Parameter has no default value."), secret));

    public static IResourceBuilder<ParameterResource> AddParameter(this IDistributedApplicationBuilder builder, string name, string value, bool publishValueAsDefault = false, bool secret = false) =>
        builder.AddResource(new ParameterResource(name, _ => builder.Configuration[$"Parameters:{name}"] ?? value, secret));
}

public sealed class MissingParameterValueException(string message) : DistributedApplicationException(message);

public static class RedisBuilderExtensions
{
    public static IResourceBuilder<RedisResource> AddRedis(this IDistributedApplicationBuilder builder, string name, int? port) => builder.AddRedis(name, port, null);

    public static IResourceBuilder<RedisResource> AddRedis(this IDistributedApplicationBuilder builder, string name, int? port = null, IResourceBuilder<ParameterResource>? password = null)
    {
        var generated = RandomNumberGenerator.GetString("ABCDEFGHJKMNPQRSTUVWXYZabcdefghjkmnpqrstuvwxyz23456789", 32);
        var resource = new RedisResource(name)
        {
            GivenConnectionString = builder.Configuration.GetConnectionString(name),
            PasswordParameter = password?.Resource ?? new ParameterResource($"{name}-password", _ => builder.Configuration[$"Parameters:{name}-password"] ?? generated, secret: true),
        };
        builder.Services.AddHealthChecks().AddAsyncCheck($"{name}_check", cancellationToken => RedisPing.CheckAsync(resource, cancellationToken));
        return builder.AddResource(resource)
            .WithEndpoint(port: port, targetPort: 6379, name: "tcp")
            .WithAnnotation(new HealthCheckAnnotation($"{name}_check"));
    }

    public static IResourceBuilder<RedisResource> WithPersistence(this IResourceBuilder<RedisResource> builder, TimeSpan? interval = null, long keysChangedThreshold = 1) =>
        builder.WithAnnotation(new PersistenceAnnotation(interval, keysChangedThreshold));
}
