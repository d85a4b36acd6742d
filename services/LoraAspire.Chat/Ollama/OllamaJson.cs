using System.Text.Json;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Chat.Streaming;

namespace LoraAspire.Chat.Ollama;

public sealed record OllamaError(string Error);

/// <summary>How Ollama's API writes JSON: one object a line.</summary>
internal static class OllamaJson
{
    /// <summary>The paths that are Ollama's.</summary>
    public const string Prefix = "/api";

    public static IResult Stream<T>(IAsyncEnumerable<T> pieces, Prompted prompted) =>
        new StreamResult(Lines(pieces), StreamResult.Lines, prompted);

    private static async IAsyncEnumerable<string> Lines<T>(IAsyncEnumerable<T> pieces)
    {
        await foreach (var piece in pieces)
        {
            yield return JsonSerializer.Serialize(piece, OpenAiJson.Options) + "\n";
        }
    }
}
