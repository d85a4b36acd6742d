using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using LoraAspire.Chat.OpenAi;
using LoraAspire.Model;
using LoraAspire.Pipelines.Terminal;

namespace LoraAspire.Chat.Requests;

/// <summary>The JSON object that a request brings.</summary>
public static class RequestBody
{
    private const string HalfCharacter = "an escape (\\ud800 to \\udfff) that is half a character";

    private static readonly JsonDocumentOptions s_json = ForeignJson.Read with { AllowDuplicateProperties = false };

    /// <exception cref="RequestException">Not application/json (only such a request is one that other sites' pages can't send unasked), or
    /// not JSON.</exception>
    public static async Task<RequestFields> ReadAsync(HttpRequest request)
    {
        var charset = request.GetTypedHeaders().ContentType?.Charset.Value?.Trim('"');
        if (!request.HasJsonContentType() || charset is not (null or "") && !charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase))
        {
            throw new RequestException("Send the request as JSON in UTF-8, with the header 'Content-Type: application/json'.",
                status: StatusCodes.Status415UnsupportedMediaType);
        }
        using MemoryStream bytes = new();
        await request.Body.CopyToAsync(bytes, request.HttpContext.RequestAborted);
        return Parse(bytes.GetBuffer().AsMemory(0, (int)bytes.Length));
    }

    /// <exception cref="RequestException">Not JSON, not an object, or not Unicode.</exception>
    public static RequestFields Parse(ReadOnlyMemory<byte> utf8)
    {
        utf8 = utf8.Span.StartsWith(Encoding.UTF8.Preamble) ? utf8[Encoding.UTF8.Preamble.Length..] : utf8;
        if (utf8.Length == 0)
        {
            throw new RequestException("The body is empty: send a JSON object.");
        }
        if (!Utf8.IsValid(utf8.Span))
        {
            throw new RequestException("The body is not UTF-8.");
        }
        // Before the parser, which looks for fields that stand twice and so reads their names.
        if (HoldsSurrogates(utf8.Span) && HalfIn(utf8.Span) is { } where)
        {
            throw new RequestException($"'{where}' holds {HalfCharacter}.", where);
        }
        JsonElement json;
        try
        {
            using var document = JsonDocument.Parse(utf8, s_json);
            json = document.RootElement.Clone();
        }
        catch (JsonException error)
        {
            throw new RequestException($"The body is not JSON: {Words(error)}");
        }
        return json.ValueKind == JsonValueKind.Object ? new RequestFields(json)
            : throw new RequestException($"The body must be a JSON object, not {RequestFields.Kind(json)}.");
    }

    private static string Words(JsonException error)
    {
        var message = error.Message.Split(" LineNumber:")[0].Split(" Path:")[0];
        var place = error.LineNumber is { } line ? $" (line {line + 1}, byte {error.BytePositionInLine + 1})" : "";
        return TerminalText.Clean(message).TrimEnd('.') + place + ".";
    }

    private static bool HoldsSurrogates(ReadOnlySpan<byte> utf8) => utf8.IndexOf("\\ud"u8) >= 0 || utf8.IndexOf("\\uD"u8) >= 0;

    /// <summary>The top-level field that is, or holds, a text or a name that is no text; "body" for its own name.</summary>
    private static string? HalfIn(ReadOnlySpan<byte> utf8)
    {
        var field = "body";
        Utf8JsonReader reader = new(utf8, new JsonReaderOptions { MaxDepth = s_json.MaxDepth });
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is not (JsonTokenType.PropertyName or JsonTokenType.String))
                {
                    continue;
                }
                try
                {
                    var text = reader.GetString()!;
                    field = reader is { TokenType: JsonTokenType.PropertyName, CurrentDepth: 1 } ? text : field;
                }
                catch (InvalidOperationException)
                {
                    return field;
                }
            }
        }
        catch (JsonException)
        {
            // The parser says what is wrong with it.
        }
        return null;
    }
}
