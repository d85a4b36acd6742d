using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.ChatClients.Parsing;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// The items of a list however a chat model writes it: as JSON, or as lines with a marker, in quotes, in a table, or with no mark at all.
/// </summary>
internal static partial class ListReader
{
    /// <param name="cutOff">The model had to stop in the middle: the last item isn't whole.</param>
    /// <param name="whole">
    /// Whether a text holds all that an item must. Then an item that lacks something goes on in the next line, and a line without any mark
    /// is an item when it is whole; without the rule, every text with a mark is an item.
    /// </param>
    public static ReadAnswer<string> Read(string answer, bool cutOff = false, Func<string, bool>? whole = null)
    {
        var isWhole = whole ?? (text => text.Length > 0);
        if (Json(answer, isWhole) is { } json)
        {
            return json with { Items = [.. json.Items.Select(text => ItemText.Clean(text, isWhole))] };
        }
        List<string> items = [], plain = [];
        string? open = null;
        var prose = 0;
        // The item that was open ends here.
        void Add(IEnumerable<string> more)
        {
            items.AddRange([.. open is { Length: > 0 } ? [open] : Array.Empty<string>(), .. more]);
            open = null;
        }
        foreach (var line in Lines(answer, isWhole))
        {
            if (line is ['|', _, ..])
            {
                Add(line.Trim('|').Split('|').Select(Blanks.Trim).Where(cell => cell.Any(char.IsLetter) && isWhole(cell)));
            }
            else if (ListMarker.Rest(line, items.Count + (open is null ? 1 : 2)) is { } rest)
            {
                Add([]);
                open = rest;
            }
            else if (open is not null && !isWhole(open) && Continued(open, line, isWhole) is { } joined)
            {
                open = joined;
            }
            else if (Texts(line, isWhole) is { } texts)
            {
                Add(texts);
            }
            else if (whole is not null && whole(line) && !Remark().IsMatch(line))
            {
                plain.Add(line);
            }
            else
            {
                prose++;
            }
        }
        Add([]);
        if (whole is not null && !items.Any(whole))
        {
            (items, plain) = ([.. items, .. plain], []);
        }
        items = [.. items.Select(text => ItemText.Clean(text, isWhole)).Where(text => text.Length > 0)];
        var cut = cutOff && items.Count > 0;
        var dropped = Enumerable.Repeat(ReadAnswer.Prose, prose + plain.Count).Concat(cut ? [ReadAnswer.CutOff] : []);
        return new(cut ? items[..^1] : items, [.. dropped]);
    }

    /// <summary>
    /// An item that isn't whole yet, with the line after it; null when that doesn't make it so. A title ("Formal") is no part of the item
    /// beneath it.
    /// </summary>
    private static string? Continued(string open, string line, Func<string, bool> whole)
    {
        var titled = open.Length == 0 || (whole(line) && !open.Contains('[') && !char.IsAsciiLetterLower(line[0]) && line[0] != '[');
        var joined = titled ? line : open[^1] < '\u2E80' ? $"{open} {line}" : open + line;
        return (titled || whole(joined)) && !Remark().IsMatch(line) ? joined : null;
    }

    /// <summary>A list in Markdown, HTML or unfinished JSON, as lines of plain text; several items of a line apart.</summary>
    private static IEnumerable<string> Lines(string answer, Func<string, bool> whole) =>
        NotBlank(Html().Replace(answer, tag => tag.Groups["item"].Success ? "\n- " : tag.Groups["end"].Success ? "\n" : ""))
            .Where(line => !Debris().IsMatch(line))
            .SelectMany(line => ListMarker.Apart(Blanks.Trim(Code().Replace(line, "${text}")), whole));

    private static IEnumerable<string> NotBlank(string answer) => answer.Split('\n').Select(Blanks.Trim)
        .Where(line => line.Length > 0 && !line.StartsWith("```", StringComparison.Ordinal));

    /// <summary>The texts of a line that is JSON, <c>"…", "…"</c> or <c>template_1 = "…"</c>, or in other quotes; else null.</summary>
    private static IReadOnlyList<string>? Texts(string line, Func<string, bool> whole)
    {
        if (line is ['{', ..] or ['[', .., ']'])
        {
            return Values(line, whole);
        }
        var bare = Member().Replace(line.TrimEnd(',', '，'), "$1");
        return !Quoted().IsMatch(bare) ? null : (bare[0] == '"' ? Values($"[{bare}]", whole) : null) ?? [bare];
    }

    /// <summary>The items of a list that is JSON, and the prose around it; null when the answer is another kind of list.</summary>
    private static ReadAnswer<string>? Json(string answer, Func<string, bool> whole)
    {
        var lines = NotBlank(answer).ToList();
        var first = lines.FindIndex(line => line[0] is '[' or '{');
        var last = lines.FindLastIndex(line => line.TrimEnd(',', ';') is [.., ']' or '}']);
        return first < 0 || last < first || Values(string.Join('\n', lines[first..(last + 1)]), whole) is not { } items ? null
            : new(items, [.. Enumerable.Repeat(ReadAnswer.Prose, lines.Count - (last + 1 - first))]);
    }

    /// <summary>The texts of all values that the text consists of; null when it isn't JSON from end to end, or holds none.</summary>
    private static List<string>? Values(string json, Func<string, bool> whole) =>
        LooseJson.All(json)?.SelectMany(value => Texts(value, whole)).Select(Blanks.Trim).Where(text => text.Length > 0).ToList()
            is { Count: > 0 } texts ? texts : null;

    /// <summary>
    /// Of an object's own texts those that are whole; a style or a title beside them is none. Where none is, the longest was meant.
    /// </summary>
    private static IEnumerable<string> Texts(JsonElement value, Func<string, bool> whole)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            return value.ValueKind == JsonValueKind.String ? [value.GetString()!]
                : value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().SelectMany(element => Texts(element, whole)) : [];
        }
        var members = value.EnumerateObject().Select(member => member.Value).ToLookup(member => member.ValueKind == JsonValueKind.String);
        var own = members[true].Select(text => text.GetString()!).ToList();
        var inner = members[false].SelectMany(member => Texts(member, whole)).ToList();
        return own.Any(whole) || inner.Count > 0 || own.Count == 0 ? own.Where(whole).Concat(inner) : [own.MaxBy(text => text.Length)!];
    }

    /// <summary>A line that is code, or an element of XML, from end to end: the marker stands within.</summary>
    [GeneratedRegex(@"^(?:<(?<tag>[A-Za-z_]\w{0,20})>(?<text>.+)</\k<tag>>|`(?<text>[^`]+)`)$")]
    private static partial Regex Code();

    [GeneratedRegex(@"(?<item><li\b[^<>]*>)|(?<end><br\s*/?>|</li>|</p>|\r\n?)"
        + @"|</?(?:ol|ul|p|b|strong|em|i|answer|output|response|div|span|html|body)>", RegexOptions.IgnoreCase)]
    private static partial Regex Html();

    /// <summary>What is left of JSON beside its texts: brackets, a key without a text.</summary>
    [GeneratedRegex(@"^(?:[\[\]{}\s,;]*|[{\s]*""[\w ]{1,30}""\s*:\s*[\[{]*|""[\w ]{1,30}""\s*:\s*[\w.]+\s*,?)$")]
    private static partial Regex Debris();

    [GeneratedRegex("^(\".+\"|“.+”|「.+」|『.+』|'.+'|‘.+’|`.+`)$")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^(?:[{\s]*""[\w ]{1,30}""\s*:|\w{1,30}\s*=)\s*("".+"")\s*\}*$")]
    private static partial Regex Member();

    /// <summary>What a model says about its list, which may name the placeholders as well.</summary>
    [GeneratedRegex(@"^\W*(?:Sure|Certainly|Of course|Absolutely|Here (?:are|is)|Here['’]s|Below|Note|These|I (?:hope|have|made)|I['’]ve"
        + @"|Let me|(?:Each|All|Every) (?:of |the |these )*(?:templates?|items?|of|the|these)|Remember)\b"
        + @"|^\W*(?:以下|好的|当然|这里|下面|注意|请注意|希望|说明)", RegexOptions.IgnoreCase)]
    private static partial Regex Remark();
}
