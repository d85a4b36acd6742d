using System.Security.Cryptography;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Eventing;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace LoraAspire.Hosting.Engine;

/// <summary>
/// Runs an application model as child processes of this one, in place of Aspire's orchestrator: allocates ports, starts what may start,
/// stops in the reverse order. Leaves no orphan, however it ends.
/// </summary>
internal sealed class LocalEngine(DistributedApplicationModel model, IDistributedApplicationEventing eventing, IServiceProvider services, StateFolder state) : IHostedService, IAsyncDisposable
{
    private readonly List<ResourceInstance> _instances = [];
    private readonly List<ReplicaProxy> _proxies = [];
    private Watchdog? _watchdog;
    private ResourceService? _resourceService;

    public static void AddTo(IDistributedApplicationBuilder builder)
    {
        builder.Services.AddSingleton(_ => StateFolder.Of(builder));
        builder.Services.AddSingleton<HealthMonitor>();
        builder.Services.AddSingleton<Launches>();
        builder.Services.AddHostedService<LocalEngine>();
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = TimeSpan.FromSeconds(60));
    }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await eventing.PublishAsync(new BeforeStartEvent(services, model), cancellationToken);
        _watchdog = new Watchdog();
        var notifications = services.GetRequiredService<ResourceNotificationService>();
        var engine = new EngineServices(services, eventing, notifications, services.GetRequiredService<HealthMonitor>(), services.GetRequiredService<Launches>(), _watchdog);
        foreach (var resource in model.Resources.Where(IsProcess))
        {
            await PrepareAsync(resource, engine);
        }
        foreach (var given in model.Resources.OfType<RedisResource>().Where(r => r.GivenConnectionString is not null))
        {
            await notifications.PublishUpdateAsync(given, s => s with { State = KnownResourceStates.Running, HealthStatus = HealthStatus.Healthy, ResourceReadyEvent = new(Task.CompletedTask) });
        }
        _resourceService = await ResourceService.StartAsync(_instances, services, cancellationToken);
        foreach (var instance in _instances)
        {
            await instance.StartAsync();
        }
    }

    /// <summary>What others wait for stops after them.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        var stops = new Dictionary<IResource, Lazy<Task>>();
        foreach (var group in _instances.GroupBy(instance => instance.Resource))
        {
            stops[group.Key] = new(async () =>
            {
                await Task.WhenAll(_instances.Where(i => i.Resource != group.Key && i.Resource.Annotations.OfType<WaitAnnotation>().Any(w => w.Resource == group.Key))
                    .Select(i => i.Resource).Distinct().Select(dependent => stops[dependent].Value));
                await Task.WhenAll(group.Select(instance => instance.StopAsync()));
            });
        }
        await Task.WhenAll(stops.Values.Select(stop => stop.Value)).WaitAsync(cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        // The watchdog stops whatever an interrupted StopAsync has left.
        _watchdog?.Dispose();
        _proxies.ForEach(proxy => proxy.Dispose());
        _instances.ForEach(instance => instance.Log.Dispose());
        if (_resourceService is not null)
        {
            await _resourceService.DisposeAsync();
        }
    }

    private static bool IsProcess(IResource resource) =>
        resource is ProjectResource or ExecutableResource or ContainerResource && resource is not RedisResource { GivenConnectionString: not null };

    private async Task PrepareAsync(IResource resource, EngineServices engine)
    {
        var replicas = resource.Annotations.OfType<ReplicaAnnotation>().LastOrDefault()?.Replicas ?? 1;
        var targets = AllocateEndpoints(resource, replicas);
        AddCommands(resource);
        for (var replica = 0; replica < replicas; replica++)
        {
            var id = $"{resource.Name}-{RandomNumberGenerator.GetString("abcdefghijkmnpqrstuvwxyz23456789", 8)}";
            var log = new ConsoleLog(state.Log(replicas == 1 ? resource.Name : $"{resource.Name}-{replica + 1}"));
            _instances.Add(new ResourceInstance(resource, id, log, targets.ToDictionary(t => t.Key, t => t.Value[replica]), engine));
            await engine.Notifications.PublishUpdateAsync(resource, id, _ => new CustomResourceSnapshot
            {
                ResourceType = resource switch { ProjectResource => "Project", ExecutableResource => "Executable", RedisResource => "Redis", _ => "Container" },
                State = KnownResourceStates.NotStarted,
                Urls = [.. resource.Annotations.OfType<EndpointAnnotation>().Select(e => new UrlSnapshot(e.Name, e.AllocatedEndpoint!.UriString, IsInternal: false))],
            });
        }
    }

    /// <summary>Endpoint name → the target port of each replica. A single replica serves on the public port itself, without a proxy.</summary>
    private Dictionary<string, int[]> AllocateEndpoints(IResource resource, int replicas)
    {
        var targets = new Dictionary<string, int[]>();
        foreach (var endpoint in resource.Annotations.OfType<EndpointAnnotation>())
        {
            if (endpoint.Port is { } wanted && !Ports.IsFree(wanted))
            {
                throw new DistributedApplicationException($"Port {wanted} is taken, and '{resource.Name}' serves its endpoint '{endpoint.Name}' there.");
            }
            if (replicas > 1 && endpoint.TargetPort is not null)
            {
                throw new DistributedApplicationException($"'{resource.Name}' has {replicas} replicas, which cannot share the target port {endpoint.TargetPort} of its endpoint '{endpoint.Name}'.");
            }
            var ports = Ports.Free(replicas + 1);
            var open = endpoint.Port ?? ports[0];
            endpoint.AllocatedEndpoint = new AllocatedEndpoint(endpoint, "localhost", open);
            // A container's target port is inside the container, of which there is none here.
            targets[endpoint.Name] = replicas > 1 ? ports[1..]
                : [resource is ContainerResource ? open : endpoint.TargetPort ?? open];
            if (targets[endpoint.Name] is not [var only] || only != open)
            {
                _proxies.Add(new ReplicaProxy(open, targets[endpoint.Name]));
            }
        }
        return targets;
    }

    private void AddCommands(IResource resource)
    {
        Add(KnownResourceCommands.StartCommand, "Start", i => i.StartAsync(), running: false);
        Add(KnownResourceCommands.StopCommand, "Stop", i => i.StopAsync(), running: true);
        Add(KnownResourceCommands.RestartCommand, "Restart", i => i.RestartAsync(), running: true);

        void Add(string name, string display, Func<ResourceInstance, Task<ExecuteCommandResult>> execute, bool running) =>
            resource.Annotations.Add(new ResourceCommandAnnotation(name, display,
                context => IsDown(context.ResourceSnapshot) != running ? ResourceCommandState.Enabled : ResourceCommandState.Disabled,
                context => execute(_instances.Single(instance => instance.Id == context.ResourceName))));

        static bool IsDown(CustomResourceSnapshot snapshot) =>
            snapshot.State is not { Text: var state } || state == KnownResourceStates.NotStarted || KnownResourceStates.TerminalStates.Contains(state);
    }
}
