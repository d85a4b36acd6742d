using System.ClientModel;
using System.Text.Json;

namespace LoraAspire.DataBuild.Written;

/// <summary>What a server says about a request that it refuses. It may repeat the key, whole or in part; then it isn't passed on.</summary>
internal static class ServerWords
{
    private const int Longest = 300;

    /// <summary>Letters of the key in a row that give it away.</summary>
    private const int Piece = 6;

    /// <summary>": …" with OpenAI's <c>error.message</c>; empty when there is none, or when it holds a piece of the key.</summary>
    public static string Of(ClientResultException error, string? key)
    {
        var words = Message(error)?.ReplaceLineEndings(" ").Trim().TrimEnd('.') ?? "";
        return words.Length is 0 or > Longest || Tells(words, key) ? "" : $": {words}";
    }

    private static bool Tells(string words, string? key) =>
        key is not null && (key.Length <= Piece
            ? words.Contains(key, StringComparison.Ordinal)
            : Enumerable.Range(0, key.Length - Piece + 1).Any(start => words.Contains(key.Substring(start, Piece), StringComparison.Ordinal)));

    private static string? Message(ClientResultException error)
    {
        try
        {
            using var body = JsonDocument.Parse(error.GetRawResponse()?.Content.ToMemory() ?? default);
            return body.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("error", out var detail)
                && detail.ValueKind == JsonValueKind.Object && detail.TryGetProperty("message", out var message) && message.ValueKind == JsonValueKind.String ? message.GetString() : null;
        }
        catch (JsonException)
        {
            // A page for people, of which nothing is quoted.
            return null;
        }
    }
}
