using System.Text.Json;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// The JSON objects in a model's answer, wherever they stand: in an array, one after another with or without commas, in fences, between prose. Objects are found by their
/// balanced braces, texts aside; one that isn't valid gets <see cref="JsonRepair"/>, and is dropped when that doesn't help.
/// </summary>
internal static class JsonObjects
{
    public const string Malformed = "malformed JSON";

    /// <summary>Letters of one object; more than that is no record. Bounds the search where braces never close.</summary>
    private const int Longest = 8_192;

    private static readonly JsonDocumentOptions Tolerant = new() { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip };

    public static ReadAnswer<JsonElement> Read(string answer)
    {
        List<JsonElement> items = [];
        List<string> dropped = [];
        for (var start = Next(answer, 0); start >= 0;)
        {
            var end = End(answer, start);
            if (end > 0 && Parse(answer[start..end]) is { } found)
            {
                items.Add(found);
                start = Next(answer, end);
                continue;
            }
            // An object that never closes, or one text that never does, must not swallow those after it.
            var inner = Next(answer, start + 1);
            if (end < 0 || inner < 0 || inner >= end)
            {
                dropped.Add(end < 0 ? ReadAnswer<JsonElement>.CutOff : Malformed);
            }
            start = inner;
        }
        return new(items, dropped);
    }

    /// <summary>The next brace after which a key or another object begins, or that closes at once; -1 when there is none.</summary>
    private static int Next(string text, int from)
    {
        for (var at = text.AsSpan(from).IndexOfAny('{', '｛') is var first && first < 0 ? -1 : from + first; at >= 0; at = text.AsSpan(at + 1).IndexOfAny('{', '｛') is var more && more < 0 ? -1 : at + 1 + more)
        {
            var after = at + 1;
            while (after < text.Length && char.IsWhiteSpace(text[after]))
            {
                after++;
            }
            if (after < text.Length && (JsonRepair.IsQuote(text[after]) || text[after] is '/'))
            {
                return at;
            }
        }
        return -1;
    }

    /// <summary>One past the brace that closes the object at <paramref name="start"/>, -1 when none does.</summary>
    private static int End(string text, int start)
    {
        var depth = 0;
        var open = '\0';
        for (var i = start; i < Math.Min(text.Length, start + Longest); i++)
        {
            var letter = text[i];
            if (open == '"')
            {
                i += letter == '\\' ? 1 : 0;
                open = letter == '"' ? '\0' : open;
            }
            else if (open != '\0')
            {
                open = letter is '”' or '“' or '＂' ? '\0' : open;
            }
            else if (JsonRepair.IsQuote(letter))
            {
                open = letter;
            }
            else if (letter is '{' or '｛')
            {
                depth++;
            }
            else if (letter is '}' or '｝' && --depth == 0)
            {
                return i + 1;
            }
        }
        return -1;
    }

    private static JsonElement? Parse(string text) => TryParse(text) ?? TryParse(JsonRepair.Repair(text));

    private static JsonElement? TryParse(string text)
    {
        try
        {
            using var document = JsonDocument.Parse(text, Tolerant);
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
