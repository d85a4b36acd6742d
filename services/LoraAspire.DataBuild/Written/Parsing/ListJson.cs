using System.Text.Json;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>A list as JSON: an array of texts or of objects that hold one, a wrapper around it, one value a line.</summary>
internal static class ListJson
{
    /// <summary>The items, and the prose around the JSON; null when the answer is another kind of list.</summary>
    public static ReadAnswer<string>? Read(string answer, Func<string, bool> whole)
    {
        var lines = answer.Split('\n').Select(Blanks.Trim).Where(line => line.Length > 0 && !line.StartsWith("```", StringComparison.Ordinal)).ToList();
        var first = lines.FindIndex(line => line[0] is '[' or '{');
        var last = lines.FindLastIndex(line => line.TrimEnd(',', ';')[^1..] is "]" or "}");
        if (first < 0 || last < first || Values(string.Join('\n', lines[first..(last + 1)]), whole) is not { } items)
        {
            return null;
        }
        return new(items, [.. Enumerable.Repeat(ReadAnswer<string>.Prose, lines.Count - (last + 1 - first))]);
    }

    /// <summary>The texts of all values that the text consists of; null when it isn't JSON from end to end.</summary>
    public static List<string>? Values(string json, Func<string, bool> whole)
    {
        List<string> items = [];
        if (Json.TryParse($"[{json}]") is { } all)
        {
            return Of(all, whole) is { Count: > 0 } found ? found : null;
        }
        for (var at = 0; ;)
        {
            while (at < json.Length && (Blanks.Is(json[at]) || json[at] is ',' or ';'))
            {
                at++;
            }
            if (at == json.Length)
            {
                return items.Count > 0 ? items : null;
            }
            if (json[at] is not ('[' or '{') || (Json.TryRead(json, ref at, LooseJson.Longest) ?? LooseJson.Read(json, ref at, out _)) is not { } value)
            {
                return null;
            }
            if (Of(value, whole) is not { } texts)
            {
                return null;
            }
            items.AddRange(texts);
        }
    }

    private static List<string>? Of(JsonElement value, Func<string, bool> whole)
    {
        try
        {
            return [.. Texts(value, whole).Select(Blanks.Trim).Where(text => text.Length > 0)];
        }
        catch (InvalidOperationException)
        {
            // Half of a surrogate pair, which no file can hold.
            return null;
        }
    }

    private static IEnumerable<string> Texts(JsonElement value, Func<string, bool> whole) => value.ValueKind switch
    {
        JsonValueKind.String => [value.GetString()!],
        JsonValueKind.Array => value.EnumerateArray().SelectMany(element => Texts(element, whole)),
        JsonValueKind.Object => OfObject(value, whole),
        _ => [],
    };

    /// <summary>Of an object's own texts those that are whole; a style or a title beside them is none. Where none is, the longest was meant.</summary>
    private static IEnumerable<string> OfObject(JsonElement value, Func<string, bool> whole)
    {
        var members = value.EnumerateObject().Select(member => member.Value).ToList();
        var texts = members.Where(member => member.ValueKind == JsonValueKind.String).Select(member => member.GetString()!).ToList();
        var inner = members.Where(member => member.ValueKind is JsonValueKind.Array or JsonValueKind.Object).SelectMany(member => Texts(member, whole)).ToList();
        var meant = texts.Where(whole).ToList();
        return meant.Count > 0 || inner.Count > 0 || texts.Count == 0 ? meant.Concat(inner) : [texts.MaxBy(text => text.Length)!];
    }
}
