using System.ClientModel;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpenAI.Chat;

namespace LoraAspire.Lab.ChatPages;

/// <summary>What the client throws, and what the service says, as <see cref="Trouble"/>.</summary>
internal static class ChatFaults
{
    private const int LongestQuote = 600;

    /// <param name="begun">Something of the answer had come.</param>
    /// <returns>Null for a fault of ours.</returns>
    public static Trouble? Of(Exception error, bool begun) => error switch
    {
        ChatTroubleException told => told.Trouble,
        ClientResultException { Status: > 0 } refused when refused.GetRawResponse() is { } response => Of(refused.Status, response.Content,
            response.Headers.TryGetValue("Retry-After", out var after) ? after : null),
        AggregateException { InnerException: { } inner } => Of(inner, begun),
        ClientResultException or HttpRequestException or IOException or OperationCanceledException => new(begun ? TroubleKind.Cut
            : TroubleKind.Away),
        // Of a body in another form: HTML, half a frame, other keys.
        JsonException or FormatException or InvalidOperationException or ArgumentException or KeyNotFoundException
            or NotSupportedException => new(begun ? TroubleKind.Cut : TroubleKind.Failed),
        _ => null,
    };

    /// <param name="after">The header Retry-After.</param>
    public static Trouble Of(int status, BinaryData body, string? after)
    {
        var (said, code) = Told(body);
        return new(status switch
        {
            429 => TroubleKind.Busy,
            404 when code is "model_not_found" => TroubleKind.NoModel,
            502 or 503 or 504 => TroubleKind.Away,
            >= 500 => TroubleKind.Failed,
            _ when code is "context_length_exceeded" => TroubleKind.TooLong,
            _ => TroubleKind.Refused,
        }, said, int.TryParse(after, NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) ? seconds : null);
    }

    /// <summary>An error that came when the answer had its status already; null of any other piece.</summary>
    public static Trouble? InStream(StreamingChatCompletionUpdate piece)
    {
#pragma warning disable SCME0001 // what the client knows no name for
        if (!piece.Patch.Contains("$.error"u8))
        {
            return null;
        }
        var (said, code) = Told(BinaryData.FromString($"{{\"error\":{piece.Patch.GetJson("$.error"u8)}}}"));
#pragma warning restore SCME0001
        return new(code switch
        {
            "context_length_exceeded" => TroubleKind.TooLong,
            "model_not_found" => TroubleKind.NoModel,
            "queue_full" => TroubleKind.Busy,
            _ => TroubleKind.Failed,
        }, said);
    }

    /// <summary>OpenAI's <c>error.message</c> and <c>error.code</c>.</summary>
    private static (string? Said, string? Code) Told(BinaryData body)
    {
        try
        {
            return JsonNode.Parse(body.ToMemory().Span)?["error"] is JsonObject error ? (Text(error, "message"), Text(error, "code"))
                : (null, null);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException or ArgumentException)
        {
            return (null, null); // a page for people, of which nothing is quoted
        }
    }

    private static string? Text(JsonObject from, string name) =>
        from[name] is JsonValue value && value.TryGetValue(out string? text) && text.Length > 0
            ? text[..Math.Min(text.Length, LongestQuote)] : null;
}
