using System.Collections.Immutable;
using Aspire.Hosting.ApplicationModel;

namespace Aspire.Hosting.Eventing
{
    public interface IDistributedApplicationEvent;

    public interface IDistributedApplicationResourceEvent : IDistributedApplicationEvent
    {
        IResource Resource { get; }
    }

    public sealed class DistributedApplicationEventSubscription(Func<IDistributedApplicationEvent, CancellationToken, Task> callback)
    {
        public Func<IDistributedApplicationEvent, CancellationToken, Task> Callback { get; } = callback;
    }

    public interface IDistributedApplicationEventing
    {
        DistributedApplicationEventSubscription Subscribe<T>(Func<T, CancellationToken, Task> callback) where T : IDistributedApplicationEvent;
        DistributedApplicationEventSubscription Subscribe<T>(IResource resource, Func<T, CancellationToken, Task> callback) where T : IDistributedApplicationResourceEvent;
        Task PublishAsync<T>(T @event, CancellationToken cancellationToken = default) where T : IDistributedApplicationEvent;
    }

    /// <summary>Handlers run one after another, in the order of subscription; the publisher waits for them.</summary>
    public sealed class DistributedApplicationEventing : IDistributedApplicationEventing
    {
        private ImmutableList<(Type Event, DistributedApplicationEventSubscription Subscription)> _subscriptions = [];

        public DistributedApplicationEventSubscription Subscribe<T>(Func<T, CancellationToken, Task> callback) where T : IDistributedApplicationEvent
        {
            var subscription = new DistributedApplicationEventSubscription((e, cancellationToken) => callback((T)e, cancellationToken));
            ImmutableInterlocked.Update(ref _subscriptions, list => list.Add((typeof(T), subscription)));
            return subscription;
        }

        public DistributedApplicationEventSubscription Subscribe<T>(IResource resource, Func<T, CancellationToken, Task> callback) where T : IDistributedApplicationResourceEvent =>
            Subscribe<T>((e, cancellationToken) => ReferenceEquals(e.Resource, resource) ? callback(e, cancellationToken) : Task.CompletedTask);

        public async Task PublishAsync<T>(T @event, CancellationToken cancellationToken = default) where T : IDistributedApplicationEvent
        {
            foreach (var (type, subscription) in _subscriptions)
            {
                if (type == typeof(T))
                {
                    await subscription.Callback(@event, cancellationToken);
                }
            }
        }
    }
}

namespace Aspire.Hosting.ApplicationModel
{
    using Aspire.Hosting.Eventing;

    public class BeforeStartEvent(IServiceProvider services, DistributedApplicationModel model) : IDistributedApplicationEvent
    {
        public IServiceProvider Services { get; } = services;
        public DistributedApplicationModel Model { get; } = model;
    }

    public abstract class ResourceEventBase(IResource resource, IServiceProvider services) : IDistributedApplicationResourceEvent
    {
        public IResource Resource { get; } = resource;
        public IServiceProvider Services { get; } = services;
    }

    public class ConnectionStringAvailableEvent(IResource resource, IServiceProvider services) : ResourceEventBase(resource, services);

    /// <summary>Published before each launch; waits happen in its handlers' place, so a handler runs with dependencies ready.</summary>
    public class BeforeResourceStartedEvent(IResource resource, IServiceProvider services) : ResourceEventBase(resource, services);

    /// <summary>Published once per start, when the resource runs and is healthy.</summary>
    public class ResourceReadyEvent(IResource resource, IServiceProvider services) : ResourceEventBase(resource, services);

    public class DistributedApplicationModel(IResourceCollection resources)
    {
        public IResourceCollection Resources { get; } = resources;
    }
}
