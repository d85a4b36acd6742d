using System.Runtime.CompilerServices;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting;

/// <summary>When a resource starts, how one knows that it is well, and what can be done to it.</summary>
public static partial class ResourceBuilderExtensions
{
    public static IResourceBuilder<T> WaitFor<T>(this IResourceBuilder<T> builder, IResourceBuilder<IResource> dependency) where T : IResourceWithWaitSupport =>
        builder.Wait(new WaitAnnotation(dependency.Resource, WaitType.WaitUntilHealthy));

    public static IResourceBuilder<T> WaitFor<T>(this IResourceBuilder<T> builder, IResourceBuilder<IResource> dependency, WaitBehavior waitBehavior) where T : IResourceWithWaitSupport =>
        builder.Wait(new WaitAnnotation(dependency.Resource, WaitType.WaitUntilHealthy) { WaitBehavior = waitBehavior });

    public static IResourceBuilder<T> WaitForCompletion<T>(this IResourceBuilder<T> builder, IResourceBuilder<IResource> dependency, int exitCode = 0) where T : IResourceWithWaitSupport =>
        builder.Wait(new WaitAnnotation(dependency.Resource, WaitType.WaitForCompletion, exitCode));

    private static IResourceBuilder<T> Wait<T>(this IResourceBuilder<T> builder, WaitAnnotation wait) where T : IResource =>
        ReferenceEquals(builder.Resource, wait.Resource)
            ? throw new DistributedApplicationException($"The '{builder.Resource.Name}' resource cannot wait for itself.")
            : builder.WithAnnotation(wait);

    public static IResourceBuilder<T> WithHealthCheck<T>(this IResourceBuilder<T> builder, string key) where T : IResource =>
        builder.WithAnnotation(new HealthCheckAnnotation(key));

    /// <summary>Healthy while GET of the path (default <c>/</c>) gives the status (default 200).</summary>
    public static IResourceBuilder<T> WithHttpHealthCheck<T>(this IResourceBuilder<T> builder, string? path = null, int? statusCode = null, string? endpointName = null) where T : IResourceWithEndpoints
    {
        var expected = statusCode ?? 200;
        var endpoint = builder.GetEndpoint(endpointName ?? "http");
        var key = $"{builder.Resource.Name}_{endpoint.EndpointName}_{path ?? "/"}_{expected}_check";
        builder.ApplicationBuilder.Services.AddHealthChecks().AddAsyncCheck(key, async cancellationToken =>
        {
            using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
            try
            {
                using var response = await client.GetAsync(new Uri(new Uri(endpoint.Url), path ?? "/"), cancellationToken);
                return (int)response.StatusCode == expected
                    ? HealthCheckResult.Healthy()
                    : HealthCheckResult.Unhealthy($"{path} answers {(int)response.StatusCode}, expected {expected}");
            }
            catch (Exception fault) when (fault is HttpRequestException or TaskCanceledException && !cancellationToken.IsCancellationRequested)
            {
                return HealthCheckResult.Unhealthy(fault.Message);
            }
        });
        return builder.WithHealthCheck(key);
    }

    [OverloadResolutionPriority(1)]
    public static IResourceBuilder<T> WithCommand<T>(this IResourceBuilder<T> builder, string name, string displayName, Func<ExecuteCommandContext, Task<ExecuteCommandResult>> executeCommand, CommandOptions? commandOptions = null) where T : IResource
    {
        foreach (var same in builder.Resource.Annotations.OfType<ResourceCommandAnnotation>().Where(c => c.Name == name).ToList())
        {
            builder.Resource.Annotations.Remove(same);
        }
        return builder.WithAnnotation(new ResourceCommandAnnotation(name, displayName, commandOptions?.UpdateState ?? (_ => ResourceCommandState.Enabled), executeCommand));
    }

    public static IResourceBuilder<T> OnResourceReady<T>(this IResourceBuilder<T> builder, Func<T, ResourceReadyEvent, CancellationToken, Task> callback) where T : IResource
    {
        builder.ApplicationBuilder.Eventing.Subscribe<ResourceReadyEvent>(builder.Resource, (e, cancellationToken) => callback(builder.Resource, e, cancellationToken));
        return builder;
    }

    public static IResourceBuilder<T> OnBeforeResourceStarted<T>(this IResourceBuilder<T> builder, Func<T, BeforeResourceStartedEvent, CancellationToken, Task> callback) where T : IResource
    {
        builder.ApplicationBuilder.Eventing.Subscribe<BeforeResourceStartedEvent>(builder.Resource, (e, cancellationToken) => callback(builder.Resource, e, cancellationToken));
        return builder;
    }
}
