using LoraAspire.AppHost.Terminal;
using LoraAspire.Machine;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace LoraAspire.AppHost.Redis;

/// <summary>Which Redis the app runs on. Services know nothing of the choice.</summary>
internal static class RedisExtensions
{
    /// <summary>LORA_REDIS=container asks for Aspire's container instead of a process.</summary>
    private const string KindVariable = "LORA_REDIS";

    /// <summary>
    /// A configured connection string; else a container where one is asked for; else a redis-server or valkey-server of this machine,
    /// which is unpacked from the distribution's package where it is missing.
    /// </summary>
    public static IResourceBuilder<IResourceWithConnectionString> AddRedisOfThisMachine(
        this IDistributedApplicationBuilder builder, string name, string folder)
    {
        if (builder.Configuration.GetConnectionString(name) is { Length: > 0 })
        {
            return builder.AddConnectionString(name);
        }
        return builder.Configuration[KindVariable] switch
        {
            null or "" or "process" => builder.AddRedisServer(name, folder),
            "container" => builder.AddRedis(name).WithDataVolume().WithPersistence(),
            var other => throw new DistributedApplicationException($"{KindVariable}={other}: write 'container', or leave it out."),
        };
    }

    private static IResourceBuilder<RedisServerResource> AddRedisServer(this IDistributedApplicationBuilder builder, string name,
        string folder)
    {
        var password = ParameterResourceBuilderExtensions.CreateDefaultPasswordParameter(builder, $"{name}-password", special: false);
        var resource = new RedisServerResource(name, folder, password);
        var check = $"{name}_check";
        string? connectionString = null;
        builder.Eventing.Subscribe<ConnectionStringAvailableEvent>(resource, async (_, stop) =>
            connectionString = await resource.ConnectionStringExpression.GetValueAsync(stop));
        builder.Services.AddHealthChecks()
            .AddRedis(_ => connectionString ?? throw new InvalidOperationException("It has no address yet."), check);

        var program = MachineProgram.At("redis-server");
        if (builder.ExecutionContext.IsRunMode)
        {
            builder.Eventing.Subscribe<BeforeStartEvent>(async (_, stop) =>
            {
                Directory.CreateDirectory(folder);
                program = await RedisServer.FindOrUnpackAsync(Screen.Note, stop);
                resource.Annotations.OfType<ExecutableAnnotation>().Single().Command = program.Path;
            });
        }
        return builder.AddResource(resource)
            .WithEndpoint(name: RedisServerResource.EndpointName, scheme: "redis", isProxied: false)
            .WithEnvironment(context =>
            {
                foreach (var (variable, value) in program.Variables)
                {
                    context.EnvironmentVariables[variable] = value;
                }
            })
            .WithArgs(async context => context.Args.Add(context.ExecutionContext.IsRunMode
                ? await RedisConfiguration.WriteAsync(resource, folder, context.CancellationToken)
                : "redis.conf"))
            .WithHealthCheck(check);
    }
}
