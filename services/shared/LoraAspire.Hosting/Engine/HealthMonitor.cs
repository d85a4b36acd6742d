using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LoraAspire.Hosting.Engine;

/// <summary>
/// Polls a resource's checks while it runs: every 30 s when healthy, else in growing steps up to 5 s. Aspire's first step is 1 s; ours
/// begins at 0.1 s, since nine services wait for one another at start.
/// </summary>
internal sealed class HealthMonitor(HealthCheckService checks)
{
    private static readonly TimeSpan WhenHealthy = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(5);

    /// <param name="report">Called with each status, the first one as soon as it is known.</param>
    public async Task WatchAsync(IResource resource, Func<HealthStatus, Task> report, CancellationToken cancellationToken)
    {
        var keys = resource.Annotations.OfType<HealthCheckAnnotation>().Select(a => a.Key).ToHashSet();
        if (keys.Count == 0)
        {
            await report(HealthStatus.Healthy);
            return;
        }
        var step = TimeSpan.FromSeconds(0.1);
        while (true)
        {
            var result = await checks.CheckHealthAsync(registration => keys.Contains(registration.Name), cancellationToken);
            await report(result.Status);
            var healthy = result.Status == HealthStatus.Healthy;
            await Task.Delay(healthy ? WhenHealthy : step, cancellationToken);
            step = healthy ? TimeSpan.FromSeconds(1) : TimeSpan.FromTicks(Math.Min((long)(step.Ticks * 1.5), Longest.Ticks));
        }
    }
}
