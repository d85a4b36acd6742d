using System.Text.Encodings.Web;
using System.Text.Json;
using LoraAspire.Chat.Streaming;
using LoraAspire.Model;

namespace LoraAspire.Chat.OpenAi;

/// <summary>How OpenAI's API writes JSON, and streams it.</summary>
public static class OpenAiJson
{
    public static readonly JsonSerializerOptions Options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        // Chinese stays readable; the answers are application/json and event streams, never HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        MaxDepth = ForeignJson.WrittenDepth,
    };

    public static IResult Answer<T>(T answer) => TypedResults.Json(answer, Options);

    /// <summary>Server-sent events: one for each piece as it comes, then OpenAI's last, [DONE].</summary>
    public static IResult Stream<T>(IAsyncEnumerable<T> pieces, Prompted prompted) =>
        new StreamResult(Events(pieces), StreamResult.Events, prompted);

    private static async IAsyncEnumerable<string> Events<T>(IAsyncEnumerable<T> pieces)
    {
        await foreach (var piece in pieces)
        {
            yield return $"data: {JsonSerializer.Serialize(piece, Options)}\n\n";
        }
        yield return "data: [DONE]\n\n";
    }
}
