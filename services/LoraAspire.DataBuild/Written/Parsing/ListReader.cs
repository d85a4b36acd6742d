using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.ChatClients.Parsing;
using LoraAspire.DataBuild.Records;
using LoraAspire.Model.Data;

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
        if (AnswerText.Json(answer) is { } json && json.Values.SelectMany(value => Texts(value, isWhole)).ToList() is { Count: > 0 } texts)
        {
            return new([.. texts.Select(text => ItemText.Clean(text, isWhole))], [.. Enumerable.Repeat(AnswerText.Prose, json.Prose)]);
        }
        // Items with a mark; whole lines without one, which count where no other does; and the item that goes on.
        List<string> items = [], plain = [];
        string? open = null;
        var prose = 0;
        void Add(params IEnumerable<string> more)
        {
            items.AddRange([.. open is { Length: > 0 } ? [open] : Array.Empty<string>(), .. more]);
            open = null;
        }
        foreach (var line in Plain(answer, isWhole))
        {
            if (line is ['|', _, ..])
            {
                Add(line.Trim('|').Split('|').Select(Blanks.Trim).Where(cell => cell.Any(char.IsLetter) && isWhole(cell)));
            }
            else if (Unmarked(line, items.Count + (open is null ? 1 : 2)) is { } rest)
            {
                Add();
                open = rest;
            }
            else if (open is not null && !isWhole(open) && Continued(open, line, isWhole) is { } joined)
            {
                open = joined;
            }
            else if (Member().Replace(line.TrimEnd(',', '，'), "$1") is var bare && Quoted().IsMatch(bare))
            {
                Add(Between().Split(bare.Trim('[', ']', '{', '}', ' ')));
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
        Add();
        if (whole is not null && !items.Any(whole))
        {
            (items, plain) = ([.. items, .. plain], []);
        }
        items = [.. items.Select(text => ItemText.Clean(text, isWhole)).Where(text => text.Length > 0)];
        var cut = cutOff && items.Count > 0;
        return new(cut ? items[..^1] : items,
            [.. Enumerable.Repeat(AnswerText.Prose, prose + plain.Count), .. cut ? [AnswerText.CutOff] : Array.Empty<string>()]);
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

    /// <summary>A list in Markdown, HTML or unfinished JSON, as lines of plain text; several items of a line (1. … 2. …) apart.</summary>
    private static IEnumerable<string> Plain(string answer, Func<string, bool> whole) =>
        AnswerText.Lines(Tags().Replace(Breaks().Replace(Bullets().Replace(answer, "\n- "), "\n"), ""))
            .Where(line => !Debris().IsMatch(line))
            .Select(line => Blanks.Trim(Code().Replace(line, "${text}")))
            .SelectMany(line => Apart(line, whole));

    private static IReadOnlyList<string> Apart(string line, Func<string, bool> whole)
    {
        var items = Numbers().Split(line).Select(item => item.Trim().TrimEnd(';', '；', ',', '，')).ToList();
        return int.TryParse(Number().Match(items[0]).Value, CultureInfo.InvariantCulture, out var first)
            && items.Index().All(item => item.Item.StartsWith($"{first + item.Index}", StringComparison.Ordinal) && whole(item.Item))
            ? items : [line];
    }

    /// <summary>
    /// Of an object's own texts those that are whole; a style or a title beside them is none. Where none is, the longest was meant.
    /// </summary>
    private static IEnumerable<string> Texts(JsonElement value, Func<string, bool> whole)
    {
        if (value.ValueKind != JsonValueKind.Object)
        {
            return value.ValueKind == JsonValueKind.String ? new[] { Blanks.Trim(value.GetString()!) }.Where(text => text.Length > 0)
                : value.ValueKind == JsonValueKind.Array ? value.EnumerateArray().SelectMany(element => Texts(element, whole)) : [];
        }
        var members = value.EnumerateObject().Select(member => member.Value).ToLookup(member => member.ValueKind == JsonValueKind.String);
        var own = members[true].SelectMany(text => Texts(text, whole)).ToList();
        var inner = members[false].SelectMany(member => Texts(member, whole)).ToList();
        return own.Any(whole) || inner.Count > 0 || own.Count == 0 ? own.Where(whole).Concat(inner) : [own.MaxBy(text => text.Length)!];
    }

    /// <summary>
    /// The line behind its marker, or null when it has none. Bold may begin before the number: <c>**1. Text**</c>, <c>**1.** Text</c>.
    /// </summary>
    /// <param name="next">The number that the next item has, which then needs no mark behind it.</param>
    private static string? Unmarked(string line, int next)
    {
        if (Marker().Match(line) is not { Success: true } marker)
        {
            var number = $"{next} ";
            return line.StartsWith(number, StringComparison.Ordinal) ? line[number.Length..].TrimStart() : null;
        }
        var rest = line[marker.Length..].Trim();
        return !marker.Value.Contains("**", StringComparison.Ordinal) ? rest
            : rest.StartsWith("**", StringComparison.Ordinal) ? rest[2..].Trim()
            : rest.EndsWith("**", StringComparison.Ordinal) ? rest[..^2].Trim() : rest;
    }

    private const string Chinese = "[一二三四五六七八九十百]{1,4}";

    /// <summary>A number in any of the ways in which people number, a letter, a bullet.</summary>
    [GeneratedRegex($$"""
        ^(?:[>#]\s*)*(?:\*\*|__)?(?:
            (?: (?:Template|Option|Variant|Variation|Version|Item|Example|Prompt|No\.?|Nr\.?|模板|示例|例子|例|选项|模版)\s*[#＃]?\s*
                (?:\d{1,4}|{{Chinese}})(?!\d)\s*[.)）:：、–—-]*
              | 第\s*(?:\d{1,4}|{{Chinese}})\s*[条个则种句]?\s*[:：、.，,]?
              | \d{1,4}\s*\\?[.)、．：:）\]}>°|](?!\d)\)?
              | \d{1,4}\s+[-–—](?=\s) | \d{1,4}[–—](?=\s) | \d{1,4}\s*,(?=\s*["“])
              | [#＃]\s?\d{1,4}(?=\s)
              | [（(\[{【]\s*(?:\d{1,4}|{{Chinese}}|[A-Za-z])\s*[）)\]}】]
              | [①-⑳⑴-⒇⒈-⒛❶-❿➀-➓]
              | \d{1,2}\uFE0F?\u20E3
              | {{Chinese}}[、．.：:]
              | (?:[ivxIVX]{1,5}|[A-Za-z])[.)、]{1,2}(?=\s)
            )[.、:：]?~?
          | (?: [-+*–—]\s+ | [•·●○◦▪■□►▸▶➤→・‣⁃✓✔★☆◆◇]\s* )(?:\[[ xX]?\]\s+)?(?:\*{0,2}\d{1,3}[.)、]\*{0,2}\s)?
        )\s*
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Marker();

    /// <summary>Before a number within a line.</summary>
    [GeneratedRegex(@"\s(?=[0-9]{1,4}[.)、．）](?!\d))")]
    private static partial Regex Numbers();

    [GeneratedRegex("^[0-9]{1,4}")]
    private static partial Regex Number();

    /// <summary>A line that is code, or an element of XML, from end to end: the marker stands within.</summary>
    [GeneratedRegex(@"^(?:<(?<tag>[A-Za-z_]\w{0,20})>(?<text>.+)</\k<tag>>|`(?<text>[^`]+)`)$")]
    private static partial Regex Code();

    [GeneratedRegex(@"<li\b[^<>]*>", RegexOptions.IgnoreCase)]
    private static partial Regex Bullets();

    [GeneratedRegex(@"<br\s*/?>|</li>|</p>|\r\n?", RegexOptions.IgnoreCase)]
    private static partial Regex Breaks();

    [GeneratedRegex(@"</?(?:ol|ul|p|b|strong|em|i|answer|output|response|div|span|html|body)>", RegexOptions.IgnoreCase)]
    private static partial Regex Tags();

    /// <summary>What is left of JSON beside its texts: brackets, a key without a text.</summary>
    [GeneratedRegex(@"^(?:[\[\]{}\s,;]*|[{\s]*""[\w ]{1,30}""\s*:\s*[\[{]*|""[\w ]{1,30}""\s*:\s*[\w.]+\s*,?)$")]
    private static partial Regex Debris();

    /// <summary>A text in quotes, or several: a line of what should have been JSON.</summary>
    [GeneratedRegex("""^[\[{ ]*(".+"|“.+”|「.+」|『.+』|'.+'|‘.+’|`.+`)[\]} ]*$""")]
    private static partial Regex Quoted();

    /// <summary>Between two texts in quotes.</summary>
    [GeneratedRegex("""(?<=["”」』'’`])\s*[,，、]\s*(?=["“「『'‘`])""")]
    private static partial Regex Between();

    [GeneratedRegex("""^(?:[{\s]*"[\w ]{1,30}"\s*:|\w{1,30}\s*=)\s*\[?(".+")\s*\}*$""")]
    private static partial Regex Member();

    /// <summary>What a model says about its list, which may name the placeholders as well.</summary>
    [GeneratedRegex(@"^\W*(?:Sure|Certainly|Of course|Absolutely|Here (?:are|is)|Here['’]s|Below|Note|These|I (?:hope|have|made)|I['’]ve"
        + @"|Let me|(?:Each|All|Every) (?:of |the |these )*(?:templates?|items?|of|the|these)|Remember)\b"
        + @"|^\W*(?:以下|好的|当然|这里|下面|注意|请注意|希望|说明)", RegexOptions.IgnoreCase)]
    private static partial Regex Remark();
}
