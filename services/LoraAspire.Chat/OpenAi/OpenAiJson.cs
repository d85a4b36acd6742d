using System.Text.Encodings.Web;
using System.Text.Json;

namespace LoraAspire.Chat.OpenAi;

/// <summary>How OpenAI's API writes JSON, and streams it.</summary>
public static class OpenAiJson
{
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        // Chinese stays readable; the answers are application/json and event streams, never HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <exception cref="RequestException">Not application/json: only such a request is one that other sites' pages can't send
    /// unasked.</exception>
    public static async Task<T> ReadAsync<T>(HttpRequest request)
    {
        if (!request.HasJsonContentType())
        {
            throw new RequestException("Send the request as application/json.", status: StatusCodes.Status415UnsupportedMediaType);
        }
        return await request.ReadFromJsonAsync<T>(Options, request.HttpContext.RequestAborted)
            ?? throw new RequestException("The body is null.");
    }

    /// <summary>
    /// Server-sent events: one for each piece as it comes, then OpenAI's last, [DONE]. The response starts with the first piece.
    /// </summary>
    public static IResult Stream<T>(IAsyncEnumerable<T> pieces) => TypedResults.ServerSentEvents(Events(pieces));

    private static async IAsyncEnumerable<string> Events<T>(IAsyncEnumerable<T> pieces)
    {
        await foreach (var piece in pieces)
        {
            yield return JsonSerializer.Serialize(piece, Options);
        }
        yield return "[DONE]";
    }
}
