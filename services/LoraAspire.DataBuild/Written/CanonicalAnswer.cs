using System.Net;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// Answers of servers that are only nearly OpenAI's, as the chat completion that the client library insists on: the first choice's message
/// and why it ended. Whatever stands beside them, of whatever kind, can do no harm. Bodies are bounded, and bytes that are no UTF-8 cost an
/// item, not the answer.
/// </summary>
internal sealed partial class CanonicalAnswer(HttpMessageHandler inner) : DelegatingHandler(inner)
{
    internal const int Megabytes = 4;

    private static readonly JsonSerializerOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <exception cref="OversizedAnswerException">The body goes on and on.</exception>
    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        var text = await ReadAsync(response, cancellationToken);
        var old = response.Content;
        response.Content =
            new StringContent(response.StatusCode == HttpStatusCode.OK ? Rewritten(text) ?? text : text, Encoding.UTF8, "application/json");
        old.Dispose();
        return response;
    }

    private static async Task<string> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        const int most = Megabytes << 20;
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        using MemoryStream whole = new();
        var part = new byte[64 << 10];
        for (int read; (read = await body.ReadAsync(part, cancellationToken)) > 0;)
        {
            whole.Write(part, 0, read);
            if (whole.Length > most)
            {
                response.Dispose();
                throw new OversizedAnswerException(Megabytes);
            }
        }
        return Encoding.UTF8.GetString(whole.GetBuffer(), 0, (int)whole.Length).TrimStart('\uFEFF');
    }

    /// <summary>Null for a body that holds no message.</summary>
    private static string? Rewritten(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(LoneSurrogate().Replace(text, @"\ufffd"), new() { AllowTrailingCommas = true });
            if (Member(document.RootElement, "choices") is not { ValueKind: JsonValueKind.Array } choices || choices.GetArrayLength() == 0
                || Member(choices[0], "message") is not { ValueKind: JsonValueKind.Object } message)
            {
                return null;
            }
            var refusal = Text(Member(message, "refusal"));
            return JsonSerializer.Serialize(new
            {
                id = "answer",
                @object = "chat.completion",
                created = 0,
                model = "writer",
                choices = new[] { new { index = 0, finish_reason = Finish(Text(Member(choices[0], "finish_reason"))),
                    message = new { role = "assistant", content = Text(Member(message, "content")), refusal } } },
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
        { ValueKind: JsonValueKind.Array } parts => string.Concat(
            parts.EnumerateArray().Select(part => Text(part.ValueKind == JsonValueKind.Object ? Member(part, "text") : part))),
        _ => null,
    };

    private static string Finish(string? reason) => reason?.ToLowerInvariant() switch
    {
        "length" or "max_tokens" or "model_length" => "length",
        "content_filter" => "content_filter",
        _ => "stop",
    };

    private static JsonElement? Member(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var member) ? member : null;

    /// <summary>The escape of half a character, which no text can hold.</summary>
    [GeneratedRegex(@"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}")]
    private static partial Regex LoneSurrogate();
}

/// <summary>A server's answer has more bytes than an answer can need.</summary>
internal sealed class OversizedAnswerException(int megabytes) : IOException($"the answer is larger than {megabytes} MB");
