using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Holds the newest snapshot of every instance, and tells who watches.</summary>
public class ResourceNotificationService
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, ResourceEvent> _current = [];
    private readonly List<Channel<ResourceEvent>> _watchers = [];

    internal IReadOnlyList<ResourceEvent> Current
    {
        get
        {
            lock (_lock)
            {
                return [.. _current.Values];
            }
        }
    }

    public Task PublishUpdateAsync(IResource resource, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory) =>
        PublishUpdateAsync(resource, resource.Name, stateFactory);

    public Task PublishUpdateAsync(IResource resource, string resourceId, Func<CustomResourceSnapshot, CustomResourceSnapshot> stateFactory)
    {
        lock (_lock)
        {
            var before = _current.GetValueOrDefault(resourceId)?.Snapshot ?? new CustomResourceSnapshot { ResourceType = resource.GetType().Name };
            var update = new ResourceEvent(resource, resourceId, stateFactory(before));
            _current[resourceId] = update;
            foreach (var watcher in _watchers)
            {
                watcher.Writer.TryWrite(update);
            }
        }
        return Task.CompletedTask;
    }

    /// <summary>The newest snapshot of every instance, then every change.</summary>
    public async IAsyncEnumerable<ResourceEvent> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var channel = Channel.CreateUnbounded<ResourceEvent>();
        lock (_lock)
        {
            foreach (var update in _current.Values)
            {
                channel.Writer.TryWrite(update);
            }
            _watchers.Add(channel);
        }
        try
        {
            await foreach (var update in channel.Reader.ReadAllAsync(cancellationToken))
            {
                yield return update;
            }
        }
        finally
        {
            lock (_lock)
            {
                _watchers.Remove(channel);
            }
        }
    }

    /// <summary>Waits until some instance is in the state; null means Running.</summary>
    public Task WaitForResourceAsync(string resourceName, string? targetState = null, CancellationToken cancellationToken = default) =>
        FirstAsync(e => Named(e, resourceName) && e.Snapshot.State?.Text == (targetState ?? KnownResourceStates.Running), cancellationToken);

    public Task<ResourceEvent> WaitForResourceHealthyAsync(string resourceName, CancellationToken cancellationToken = default) =>
        FirstAsync(e => Named(e, resourceName) && e.Snapshot.HealthStatus == HealthStatus.Healthy, cancellationToken);

    /// <summary>Waits for everything that the resource was told to wait for, for every replica of it.</summary>
    /// <exception cref="DistributedApplicationException">A dependency ended in a way that makes waiting pointless.</exception>
    public Task WaitForDependenciesAsync(IResource resource, CancellationToken cancellationToken) =>
        Task.WhenAll(resource.Annotations.OfType<WaitAnnotation>().Select(wait => WaitForAsync(resource, wait, cancellationToken)));

    private async Task WaitForAsync(IResource resource, WaitAnnotation wait, CancellationToken cancellationToken)
    {
        var instances = Current.Where(e => ReferenceEquals(e.Resource, wait.Resource)).Select(e => e.ResourceId).ToList();
        foreach (var id in instances)
        {
            var reached = await FirstAsync(e => e.ResourceId == id && IsDecided(e.Snapshot, wait), cancellationToken);
            if (reached.Snapshot.State?.Text is { } state && KnownResourceStates.TerminalStates.Contains(state)
                && !(wait.WaitType == WaitType.WaitForCompletion && reached.Snapshot.ExitCode == wait.ExitCode))
            {
                throw new DistributedApplicationException(
                    $"'{resource.Name}' waits for '{wait.Resource.Name}', which is {state}"
                    + (reached.Snapshot.ExitCode is { } code ? $" with exit code {code}." : "."));
            }
            if (wait.WaitType == WaitType.WaitUntilHealthy && reached.Snapshot.ResourceReadyEvent is { } ready)
            {
                await ready.EventTask.WaitAsync(cancellationToken);
            }
        }
    }

    private static bool IsDecided(CustomResourceSnapshot snapshot, WaitAnnotation wait)
    {
        var ended = snapshot.State is { Text: var state } && KnownResourceStates.TerminalStates.Contains(state);
        return wait.WaitType switch
        {
            WaitType.WaitForCompletion => ended,
            WaitType.WaitUntilStarted => snapshot.State?.Text == KnownResourceStates.Running || (ended && wait.WaitBehavior == WaitBehavior.StopOnResourceUnavailable),
            _ => (snapshot.State?.Text == KnownResourceStates.Running && snapshot.HealthStatus == HealthStatus.Healthy && snapshot.ResourceReadyEvent is not null)
                || (ended && wait.WaitBehavior == WaitBehavior.StopOnResourceUnavailable),
        };
    }

    private async Task<ResourceEvent> FirstAsync(Func<ResourceEvent, bool> condition, CancellationToken cancellationToken)
    {
        await foreach (var update in WatchAsync(cancellationToken))
        {
            if (condition(update))
            {
                return update;
            }
        }
        throw new OperationCanceledException(cancellationToken);
    }

    private static bool Named(ResourceEvent e, string name) =>
        string.Equals(e.Resource.Name, name, StringComparison.OrdinalIgnoreCase) || e.ResourceId == name;
}
