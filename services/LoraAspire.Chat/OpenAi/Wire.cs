using System.Text.Encodings.Web;
using System.Text.Json;

namespace LoraAspire.Chat.OpenAi;

/// <summary>How this API reads and writes JSON.</summary>
public static class Wire
{
    public static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        // Chinese stays readable; the answers are application/json and event streams, never HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <exception cref="RequestException">Not application/json: only such a request is one that other sites' pages can't send unasked.</exception>
    public static async Task<T> ReadAsync<T>(HttpRequest request)
    {
        if (!request.HasJsonContentType())
        {
            throw new RequestException("Send the request as application/json.", status: StatusCodes.Status415UnsupportedMediaType);
        }
        return await request.ReadFromJsonAsync<T>(Json, request.HttpContext.RequestAborted) ?? throw new RequestException("The body is null.");
    }
}

/// <summary>Server-sent events.</summary>
public static class Sse
{
    public static void Start(HttpResponse response)
    {
        response.ContentType = "text/event-stream; charset=utf-8";
        response.Headers.CacheControl = "no-store";
    }

    public static Task WriteAsync<T>(HttpResponse response, T data, CancellationToken cancellationToken) =>
        WriteTextAsync(response, JsonSerializer.Serialize(data, Wire.Json), cancellationToken);

    /// <summary>OpenAI's last event.</summary>
    public static Task WriteDoneAsync(HttpResponse response, CancellationToken cancellationToken) => WriteTextAsync(response, "[DONE]", cancellationToken);

    private static async Task WriteTextAsync(HttpResponse response, string data, CancellationToken cancellationToken)
    {
        await response.WriteAsync($"data: {data}\n\n", cancellationToken);
        await response.Body.FlushAsync(cancellationToken);
    }
}
