using System.Net.Http.Json;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace LoraAspire.Dashboard.Resources;

/// <summary>The AppHost's resource service: what runs, its console, and commands to it.</summary>
public sealed class ResourceService(Uri? address, string? key)
{
    private static readonly JsonSerializerOptions Json = JsonSerializerOptions.Web;

    // Its own client: the resilience of the service defaults would send a slow restart twice.
    private readonly HttpClient http = Client(address, key);

    /// <summary>False when this dashboard was started without an AppHost.</summary>
    public bool IsPresent => address is not null;

    public async Task<IReadOnlyList<Resource>> ListAsync(CancellationToken cancellationToken) =>
        await http.GetFromJsonAsync<List<Resource>>("resources", Json, cancellationToken) ?? [];

    /// <summary>Each resource as it is now, then again on every change, without end.</summary>
    /// <exception cref="IOException">The service has gone.</exception>
    public async IAsyncEnumerable<Resource> WatchAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var events = await OpenAsync("resources/events", cancellationToken);
        foreach (var resource in await ListAsync(cancellationToken))
        {
            yield return resource;
        }
        await foreach (var resource in ItemsAsync<Resource>(events, cancellationToken))
        {
            yield return resource;
        }
    }

    /// <summary>The last <paramref name="tail"/> lines of a resource's console, then every new one.</summary>
    /// <exception cref="IOException">The service has gone.</exception>
    public async IAsyncEnumerable<ConsoleLine> LogsAsync(string id, int tail, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var lines = await OpenAsync($"resources/{Uri.EscapeDataString(id)}/logs?tail={tail}", cancellationToken);
        await foreach (var line in ItemsAsync<ConsoleLine>(lines, cancellationToken))
        {
            yield return line;
        }
    }

    public async Task<CommandOutcome> CommandAsync(string id, string command, CancellationToken cancellationToken)
    {
        using var answer = await http.PostAsync($"resources/{Uri.EscapeDataString(id)}/commands/{Uri.EscapeDataString(command)}", null, cancellationToken);
        return answer.IsSuccessStatusCode
            ? await answer.Content.ReadFromJsonAsync<CommandOutcome>(Json, cancellationToken) ?? new CommandOutcome(false, "The resource service gave no answer.")
            : new CommandOutcome(false, $"The resource service answered {(int)answer.StatusCode} {answer.ReasonPhrase}.");
    }

    private async Task<HttpResponseMessage> OpenAsync(string path, CancellationToken cancellationToken)
    {
        var answer = await http.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        return answer.EnsureSuccessStatusCode();
    }

    private static async IAsyncEnumerable<T> ItemsAsync<T>(HttpResponseMessage answer, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var body = await answer.Content.ReadAsStreamAsync(cancellationToken);
        await foreach (var item in SseParser.Create(body, (_, data) => JsonSerializer.Deserialize<T>(data, Json)!).EnumerateAsync(cancellationToken))
        {
            yield return item.Data;
        }
        throw new IOException("The resource service closed the stream.");
    }

    private static HttpClient Client(Uri? address, string? key)
    {
        var client = new HttpClient { BaseAddress = address };
        if (key is not null)
        {
            client.DefaultRequestHeaders.Add("x-resource-service-key", key);
        }
        return client;
    }
}

public static class ResourceServiceRegistration
{
    public static void AddResourceService(this IServiceCollection services) => services.AddSingleton(provider =>
    {
        var configuration = provider.GetRequiredService<IConfiguration>();
        var address = configuration["RESOURCE_SERVICE_URL"];
        return new ResourceService(
            string.IsNullOrEmpty(address) ? null : new Uri(address.EndsWith('/') ? address : address + "/"), configuration["RESOURCE_SERVICE_KEY"]);
    });
}
