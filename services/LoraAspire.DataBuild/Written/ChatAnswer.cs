using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Written;

/// <summary>
/// What a server answered: of a chat completion the first choice's message and why it ended. Whatever stands beside them, of whatever
/// kind, can do no harm, since servers are often only nearly OpenAI's; and bytes that are no UTF-8 cost an item, not the answer.
/// </summary>
/// <param name="Text">Empty for a refusal.</param>
/// <param name="CutOff">The model had to stop before it had finished.</param>
internal sealed partial record ChatAnswer(string Text, bool CutOff)
{
    /// <summary>Null for a body that holds no message.</summary>
    /// <exception cref="JsonException">It isn't JSON.</exception>
    public static ChatAnswer? Of(byte[] body)
    {
        using var document = Parse(body);
        return Member(document.RootElement, "choices") is { ValueKind: JsonValueKind.Array } choices && choices.GetArrayLength() > 0
            && Member(choices[0], "message") is { ValueKind: JsonValueKind.Object } said
            ? new(TextOf(Member(said, "content")) ?? "",
                TextOf(Member(choices[0], "finish_reason"))?.ToLowerInvariant() is "length" or "max_tokens" or "model_length")
            : null;
    }

    /// <summary>OpenAI's <c>error.message</c>; empty where there is none, such as on a page for people.</summary>
    public static string ErrorIn(byte[] body)
    {
        try
        {
            using var document = Parse(body);
            return Member(document.RootElement, "error") is { } error ? TextOf(Member(error, "message")) ?? "" : "";
        }
        catch (JsonException)
        {
            return "";
        }
    }

    private static JsonDocument Parse(byte[] body) => JsonDocument.Parse(
        LoneSurrogate().Replace(Encoding.UTF8.GetString(body).TrimStart('\uFEFF'), @"\ufffd"), new() { AllowTrailingCommas = true });

    /// <summary>A text, or a list of parts of which some are texts.</summary>
    private static string? TextOf(JsonElement? value) => value switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { ValueKind: JsonValueKind.Array } parts =>
            string.Concat(parts.EnumerateArray().Select(part => TextOf(Member(part, "text") ?? part))),
        _ => null,
    };

    private static JsonElement? Member(JsonElement value, string name) =>
        value.ValueKind == JsonValueKind.Object && value.TryGetProperty(name, out var member) ? member : null;

    /// <summary>The escape of half a character, which no text can hold.</summary>
    [GeneratedRegex(@"\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})\\u[dD][c-fC-F][0-9a-fA-F]{2}")]
    private static partial Regex LoneSurrogate();
}
