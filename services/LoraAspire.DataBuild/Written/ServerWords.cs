using System.ClientModel;
using System.Text.Json;
using LoraAspire.Model.Data;

namespace LoraAspire.DataBuild.Written;

/// <summary>What a server says about a request that it refuses. It may repeat the key, whole or in part; then it isn't passed on.</summary>
internal static class ServerWords
{
    private const int Longest = 300;

    /// <summary>": …" with OpenAI's <c>error.message</c>, as it may be shown; empty when there is none, or when it holds a piece of the key.</summary>
    public static string Of(ClientResultException error, KeyPieces key)
    {
        var words = Message(error)?.ReplaceLineEndings(" ").Trim().TrimEnd('.') ?? "";
        return words.Length is 0 or > Longest || key.AreIn(words) ? "" : $": {VisibleText.Safe(words)}";
    }

    public static bool Name(ClientResultException error, string parameter) => Message(error)?.Contains(parameter, StringComparison.OrdinalIgnoreCase) is true;

    private static string? Message(ClientResultException error)
    {
        try
        {
            using var body = JsonDocument.Parse(error.GetRawResponse()?.Content.ToMemory() ?? default);
            return body.RootElement is { ValueKind: JsonValueKind.Object } root && root.TryGetProperty("error", out var detail)
                && detail.ValueKind == JsonValueKind.Object && detail.TryGetProperty("message", out var message) && message.ValueKind == JsonValueKind.String ? message.GetString() : null;
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // A page for people, of which nothing is quoted; or half of a surrogate pair.
            return null;
        }
    }
}
