using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Hosting.Engine;

/// <summary>
/// Tells a dashboard about the resources, over HTTP on loopback, behind a key made per start. Its address and key stand in
/// configuration as <c>RESOURCE_SERVICE_URL</c> and <c>RESOURCE_SERVICE_KEY</c> before the first resource starts.
/// </summary>
internal sealed class ResourceService : IAsyncDisposable
{
    public const string KeyHeader = "x-resource-service-key";

    private sealed record ResourceView(
        string Id, string Name, string Type, string? State, string? Health, DateTime? StartedAt, int? ExitCode, int? Pid, string? Source,
        IReadOnlyList<UrlView> Urls, IReadOnlyList<CommandView> Commands);

    private sealed record UrlView(string? Name, string Url);

    private sealed record CommandView(string Name, string DisplayName, bool Enabled);

    private readonly WebApplication _web;

    private ResourceService(WebApplication web) => _web = web;

    public static async Task<ResourceService> StartAsync(IReadOnlyList<ResourceInstance> instances, IServiceProvider services, CancellationToken cancellationToken)
    {
        var key = RandomNumberGenerator.GetHexString(32, lowercase: true);
        var url = $"http://127.0.0.1:{Ports.Free(1)[0]}";
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls(url);
        var web = builder.Build();
        web.Use(async (context, next) =>
        {
            if (CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(context.Request.Headers[KeyHeader].ToString()), Encoding.UTF8.GetBytes(key)))
            {
                await next(context);
                return;
            }
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
        });
        Map(web, instances, services.GetRequiredService<ResourceNotificationService>(), services.GetRequiredService<ResourceCommandService>(), services);
        await web.StartAsync(cancellationToken);
        var configuration = services.GetRequiredService<IConfiguration>();
        configuration["RESOURCE_SERVICE_URL"] = url;
        configuration["RESOURCE_SERVICE_KEY"] = key;
        return new ResourceService(web);
    }

    public async ValueTask DisposeAsync() => await _web.DisposeAsync();

    private static void Map(WebApplication web, IReadOnlyList<ResourceInstance> instances, ResourceNotificationService notifications, ResourceCommandService commands, IServiceProvider services)
    {
        web.MapGet("/resources", () => notifications.Current.Select(e => View(e, services)));

        web.MapGet("/resources/events", context => StreamAsync(context, Select(notifications.WatchAsync(context.RequestAborted), e => View(e, services))));

        web.MapGet("/resources/{id}/logs", async (HttpContext context, string id, int? tail) =>
        {
            if (instances.FirstOrDefault(i => i.Id == id) is { } instance)
            {
                await StreamAsync(context, instance.Log.FollowAsync(tail ?? 500, context.RequestAborted));
                return;
            }
            context.Response.StatusCode = StatusCodes.Status404NotFound;
        });

        web.MapPost("/resources/{id}/commands/{name}", async (string id, string name, CancellationToken cancellationToken) =>
        {
            var result = await commands.ExecuteCommandAsync(id, name, cancellationToken);
            return new { success = result.Success, error = result.ErrorMessage };
        });
    }

    private static ResourceView View(ResourceEvent e, IServiceProvider services) => new(
        e.ResourceId, e.Resource.Name, e.Snapshot.ResourceType, e.Snapshot.State?.Text, e.Snapshot.HealthStatus?.ToString(),
        e.Snapshot.StartTimeStamp, e.Snapshot.ExitCode,
        e.Snapshot.Properties.FirstOrDefault(p => p.Name == "executable.pid")?.Value as int?,
        e.Snapshot.Properties.FirstOrDefault(p => p.Name == "resource.source")?.Value as string,
        [.. e.Snapshot.Urls.Select(u => new UrlView(u.Name, u.Url))],
        [.. from command in e.Resource.Annotations.OfType<ResourceCommandAnnotation>()
            let shown = command.UpdateState(new UpdateCommandStateContext { ResourceSnapshot = e.Snapshot, ServiceProvider = services })
            where shown != ResourceCommandState.Hidden
            select new CommandView(command.Name, command.DisplayName, shown == ResourceCommandState.Enabled)]);

    private static async IAsyncEnumerable<TView> Select<T, TView>(IAsyncEnumerable<T> items, Func<T, TView> view)
    {
        await foreach (var item in items)
        {
            yield return view(item);
        }
    }

    private static async Task StreamAsync<T>(HttpContext context, IAsyncEnumerable<T> items)
    {
        context.Response.ContentType = "text/event-stream";
        context.Response.Headers.CacheControl = "no-cache";
        await context.Response.Body.FlushAsync(context.RequestAborted);
        try
        {
            await foreach (var item in items)
            {
                await context.Response.WriteAsync($"data: {JsonSerializer.Serialize(item, JsonSerializerOptions.Web)}\n\n", context.RequestAborted);
                await context.Response.Body.FlushAsync(context.RequestAborted);
            }
        }
        catch (OperationCanceledException) when (context.RequestAborted.IsCancellationRequested)
        {
            // The reader has left.
        }
    }
}
