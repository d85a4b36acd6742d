using System.ClientModel;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Model.Data;

namespace LoraAspire.ChatClients;

/// <summary>What went wrong with one request, in words for the user.</summary>
/// <param name="Final">Asking again would not help.</param>
/// <param name="RetryAfter">How long the server wants to be left alone.</param>
internal sealed record ChatFault(string Words, bool Final = false, TimeSpan? RetryAfter = null)
{
    private const int LongestQuote = 300;

    /// <summary>Null for an exception that is a fault of ours.</summary>
    public static ChatFault? Of(Exception error, string model, string keyEnv, string? key, ChatUse use, DateTimeOffset now) => error switch
    {
        ClientResultException { Status: 401 } when key is null =>
            new($"the server asks for a key (401), and {ChatEndpoint.Unset(keyEnv, use).TrimEnd('.')}", Final: true),
        ClientResultException { Status: 401 } =>
            new($"the server refuses the key (401). Look at the environment variable {keyEnv}", Final: true),
        ClientResultException { Status: 403 } =>
            new($"the key may not use the model '{model}' (403). Choose another model, or ask the provider for access", Final: true),
        ClientResultException { Status: 404 } => new($"the server knows no model '{model}', or no API at this address (404). Look at "
            + "model and address; with Ollama, pull the model first", Final: true),
        ClientResultException { Status: 429 } busy => new("the server is busy or the quota is used up (429)", RetryAfter: After(busy, now)),
        ClientResultException { Status: 408 or 409 or 425 or >= 500 } broken =>
            new($"the server failed ({broken.Status})", RetryAfter: After(broken, now)),
        ClientResultException { Status: > 0 } refused => new(
            $"the server refuses the request ({refused.Status}){Said(refused, KeyPieces.Of(key))}. Look at address and model", Final: true),
        OperationCanceledException => new("no answer in time"),
        ClientResultException { InnerException: HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded } } =>
            new($"the answer is larger than {CanonicalAnswer.Megabytes} MB"),
        InvalidDataException => new("the answer can't be unpacked"),
        ClientResultException or HttpRequestException or IOException => new("the connection failed or was cut"),
        JsonException or FormatException => new("the answer is not JSON"),
        // The client library finds members of the answer missing, or of another kind than they must be.
        ArgumentException or InvalidOperationException or KeyNotFoundException or IndexOutOfRangeException or NullReferenceException =>
            new("the answer is not a chat completion"),
        AggregateException { InnerException: { } inner } => Of(inner, model, keyEnv, key, use, now),
        _ => null,
    };

    /// <summary>Whether the server's words about a request that it refuses hold this one.</summary>
    public static bool Names(ClientResultException error, string word) =>
        Message(error).Contains(word, StringComparison.OrdinalIgnoreCase);

    /// <summary>
    /// ": …" with what the server says, as it may be shown; empty when it says nothing, or when it repeats the key, whole or in part.
    /// </summary>
    private static string Said(ClientResultException error, KeyPieces key)
    {
        var words = Message(error).ReplaceLineEndings(" ").Trim().TrimEnd('.');
        return words.Length is 0 or > LongestQuote || key.AreIn(words) ? "" : $": {VisibleText.Safe(words)}";
    }

    /// <summary>OpenAI's <c>error.message</c>; empty where there is none.</summary>
    private static string Message(ClientResultException error)
    {
        try
        {
            return JsonNode.Parse((error.GetRawResponse()?.Content.ToMemory() ?? default).Span) is JsonObject body
                && body["error"] is JsonObject detail
                && detail["message"] is JsonValue message && message.TryGetValue(out string? text) ? text : "";
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or ArgumentException)
        {
            // A page for people, of which nothing is quoted; half of a surrogate pair; or a key that stands twice.
            return "";
        }
    }

    private static TimeSpan? After(ClientResultException error, DateTimeOffset now) =>
        error.GetRawResponse()?.Headers.TryGetValue("Retry-After", out var value) is not true || string.IsNullOrEmpty(value) ? null
        : value.All(char.IsAsciiDigit)
            ? int.TryParse(value, CultureInfo.InvariantCulture, out var seconds) ? TimeSpan.FromSeconds(seconds) : TimeSpan.MaxValue
        : !DateTimeOffset.TryParse(value, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var at) ? null
        : at > now ? at - now : TimeSpan.Zero;
}
