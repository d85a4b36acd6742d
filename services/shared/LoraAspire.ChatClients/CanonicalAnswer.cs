using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using LoraAspire.ChatClients.Parsing;

namespace LoraAspire.ChatClients;

/// <summary>
/// Answers of servers that are only nearly OpenAI's, as the chat completion that the client library insists on: the first choice's message
/// and why it ended. Whatever stands beside them, of whatever kind, can do no harm. Bodies are bounded, and bytes that are no UTF-8 cost an
/// item, not the answer.
/// </summary>
internal sealed class CanonicalAnswer(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    internal const int Megabytes = 4;

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="HttpRequestException">The body goes on and on (<c>ConfigurationLimitExceeded</c>).</exception>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        using var old = response.Content;
        await old.LoadIntoBufferAsync(Megabytes << 20, cancellationToken);
        var text = Encoding.UTF8.GetString(await old.ReadAsByteArrayAsync(cancellationToken)).TrimStart('\uFEFF');
        response.Content =
            new StringContent(response.StatusCode == HttpStatusCode.OK ? Rewritten(text) ?? text : text, Encoding.UTF8, "application/json");
        return response;
    }

    /// <summary>Null for a body that holds no message.</summary>
    private static string? Rewritten(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(LooseJson.WithoutHalves(text), new() { AllowTrailingCommas = true });
            if (Member(document.RootElement, "choices") is not { ValueKind: JsonValueKind.Array } choices || choices.GetArrayLength() == 0
                || Member(choices[0], "message") is not { ValueKind: JsonValueKind.Object } said)
            {
                return null;
            }
            var message = new { role = "assistant", content = Text(Member(said, "content")), refusal = Text(Member(said, "refusal")) };
            var finish = Text(Member(choices[0], "finish_reason"))?.ToLowerInvariant() switch
            {
                "length" or "max_tokens" or "model_length" => "length",
                "content_filter" => "content_filter",
                _ => "stop",
            };
            return JsonSerializer.Serialize(new
            {
                id = "answer",
                @object = "chat.completion",
                created = 0,
                model = "any",
                choices = new[] { new { index = 0, finish_reason = finish, message } }
            }, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>A text, or a list of parts of which some are texts.</summary>
    private static string? Text(JsonElement? value) => value switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { ValueKind: JsonValueKind.Array } parts =>
            string.Concat(parts.EnumerateArray().Select(part => Text(Member(part, "text") ?? part))),
        _ => null,
    };

    private static JsonElement? Member(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var member) ? member : null;
}
