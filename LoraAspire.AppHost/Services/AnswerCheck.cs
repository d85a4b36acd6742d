using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace LoraAspire.AppHost.Services;

/// <summary>
/// Whether a service answers at <c>/health</c>. It asks again several times before it says no: Aspire waits longer after each failed check,
/// so that a start would be seen seconds after it was done.
/// </summary>
internal sealed class AnswerCheck(EndpointReference endpoint, HttpClient client) : IHealthCheck
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(200);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        for (var started = TimeProvider.System.GetTimestamp(); ;)
        {
            var problem = await ProblemAsync(cancellationToken);
            if (problem is null)
            {
                return HealthCheckResult.Healthy();
            }
            if (TimeProvider.System.GetElapsedTime(started) > s_patience)
            {
                return HealthCheckResult.Unhealthy(problem);
            }
            await Task.Delay(s_pause, cancellationToken);
        }
    }

    private async Task<string?> ProblemAsync(CancellationToken cancellationToken)
    {
        if (!endpoint.IsAllocated)
        {
            return "It has no address yet.";
        }
        try
        {
            using var response = await client.GetAsync(new Uri($"{endpoint.Url}/health"), cancellationToken);
            return response.IsSuccessStatusCode ? null : $"/health answers {(int)response.StatusCode}.";
        }
        catch (Exception e)
            when (e is HttpRequestException || (e is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return e.Message;
        }
    }
}

internal static class AnswerCheckExtensions
{
    private static readonly HttpClient s_client = new() { Timeout = TimeSpan.FromSeconds(5) };

    public static IResourceBuilder<ProjectResource> WithAnswerCheck(this IResourceBuilder<ProjectResource> service)
    {
        var name = $"{service.Resource.Name}_answers";
        service.ApplicationBuilder.Services.AddHealthChecks().AddCheck(name, new AnswerCheck(service.GetEndpoint("http"), s_client));
        return service.WithHealthCheck(name);
    }
}
