using System.Collections.Immutable;
using LoraAspire.AppHost.Services;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LoraAspire.AppHost.Terminal;

/// <summary>The start as the terminal shows it: which resources are up, every half minute which are not.</summary>
internal static class StartUp
{
    private static readonly TimeSpan s_reminder = TimeSpan.FromSeconds(30);
    /// <summary>A service that ends so often before it was ever healthy will not become it.</summary>
    private const int MostEnds = 4;
    private const int ShownLines = 15;

    /// <summary>Returns when all are healthy.</summary>
    /// <exception cref="DistributedApplicationException">One of them cannot start; the message has the end of its log.</exception>
    public static async Task RunAsync(DistributedApplication app, CancellationToken cancellationToken)
    {
        var missing = app.Services.GetRequiredService<DistributedApplicationModel>().Resources.Where(Resources.IsOurs).Select(r => r.Name)
            .ToImmutableSortedSet();
        var (count, ends) = (missing.Count, new Dictionary<string, HashSet<DateTime>>());
        Screen.Note($"Starting {count} resources: {string.Join(", ", missing)}");
        await app.StartAsync(cancellationToken);
        using var reminder = new Timer(
            _ => Screen.Warn($"Still waiting for {string.Join(", ", missing)}. Their consoles: `aspire logs NAME`, or the dashboard."),
            null, s_reminder, s_reminder);
        await foreach (var update in app.ResourceNotifications.WatchAsync(cancellationToken))
        {
            var (name, state) = (update.Resource.Name, update.Snapshot.State?.Text);
            if (!missing.Contains(name))
            {
                continue;
            }
            if (update.Snapshot.StopTimeStamp is { } ended)
            {
                ends.TryAdd(name, []);
                ends[name].Add(ended);
            }
            if (state == KnownResourceStates.FailedToStart || ends.GetValueOrDefault(name)?.Count >= MostEnds)
            {
                throw new DistributedApplicationException(
                    $"'{name}' did not start. The end of its console:\n{await ConsoleEndAsync(app, update.ResourceId)}");
            }
            if (state == KnownResourceStates.Running && update.Snapshot.HealthStatus == HealthStatus.Healthy)
            {
                missing = missing.Remove(name);
                Screen.Note($"{name} is up ({count - missing.Count} of {count})");
                if (missing.Count == 0)
                {
                    return;
                }
            }
        }
        cancellationToken.ThrowIfCancellationRequested();
    }

    private static async Task<string> ConsoleEndAsync(DistributedApplication app, string resourceId)
    {
        var lines = new List<string>();
        await foreach (var batch in app.Services.GetRequiredService<ResourceLoggerService>().GetAllAsync(resourceId))
        {
            lines.AddRange(batch.Select(line => line.Content));
        }
        return string.Join('\n', lines.TakeLast(ShownLines));
    }
}
