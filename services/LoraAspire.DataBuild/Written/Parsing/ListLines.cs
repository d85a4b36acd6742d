using System.Text.RegularExpressions;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>The lines of a list that was written in Markdown, HTML or unfinished JSON, as lines of plain text.</summary>
internal static partial class ListLines
{
    public static IEnumerable<string> Of(string answer, Func<string, bool> whole) =>
        Tags().Replace(Breaks().Replace(Items().Replace(answer, "\n- "), "\n"), "").Split('\n').Select(Blanks.Trim)
            .Where(line => line.Length > 0 && !line.StartsWith("```", StringComparison.Ordinal) && !Debris().IsMatch(line))
            .SelectMany(line => ListMarker.Apart(Uncoded(line), whole));

    /// <summary>The texts of a line that is JSON: <c>"…",</c>, <c>"…", "…"</c>, <c>"template": "…"</c>, <c>template_1 = "…"</c>, <c>{"template": "…"}</c>; or one text in other quotes. Null for another line.</summary>
    public static IReadOnlyList<string>? Texts(string line, Func<string, bool> whole)
    {
        var bare = line.TrimEnd(',', '，');
        if (line.StartsWith('{') || (line.StartsWith('[') && line.EndsWith(']')))
        {
            return ListJson.Values(line, whole);
        }
        if (Member().Match(bare) is { Success: true } member)
        {
            return ListJson.Values($"[{member.Groups[1].Value}]", whole) ?? [member.Groups[1].Value];
        }
        return !Quoted().IsMatch(bare) ? null
            : bare[0] == '"' && ListJson.Values($"[{bare}]", whole) is { } texts ? texts
            : [bare];
    }

    /// <summary>The cells of a table's row that are items; null when the line is no row.</summary>
    public static IReadOnlyList<string>? Cells(string line, Func<string, bool> whole) =>
        line.Length > 1 && line[0] == '|' ? [.. line.Trim('|').Split('|').Select(Blanks.Trim).Where(cell => cell.Any(char.IsLetter) && whole(cell))] : null;

    /// <summary>A line that is code, or an element of XML, from end to end: the marker stands within.</summary>
    private static string Uncoded(string line) =>
        Element().Match(line) is { Success: true } element ? Blanks.Trim(element.Groups["text"].Value)
        : line.Length > 2 && line[0] == '`' && line[^1] == '`' && line.AsSpan(1, line.Length - 2).IndexOf('`') < 0 ? line[1..^1].Trim() : line;

    [GeneratedRegex(@"^<(?<tag>[A-Za-z_]\w{0,20})>(?<text>.+)</\k<tag>>$")]
    private static partial Regex Element();

    [GeneratedRegex(@"<li\b[^<>]*>", RegexOptions.IgnoreCase)]
    private static partial Regex Items();

    [GeneratedRegex(@"<br\s*/?>|</li>|</p>|\r\n?", RegexOptions.IgnoreCase)]
    private static partial Regex Breaks();

    [GeneratedRegex(@"</?(?:ol|ul|p|b|strong|em|i|answer|output|response|div|span|html|body)>", RegexOptions.IgnoreCase)]
    private static partial Regex Tags();

    /// <summary>What is left of JSON beside its texts: brackets, a key without a text.</summary>
    [GeneratedRegex(@"^(?:[\[\]{}\s,;]*|[{\s]*""[\w ]{1,30}""\s*:\s*[\[{]*|""[\w ]{1,30}""\s*:\s*[\w.]+\s*,?)$")]
    private static partial Regex Debris();

    [GeneratedRegex("^(\".+\"|“.+”|「.+」|『.+』|'.+'|‘.+’|`.+`)$")]
    private static partial Regex Quoted();

    [GeneratedRegex(@"^(?:[{\s]*""[\w ]{1,30}""\s*:|\w{1,30}\s*=)\s*("".+"")\s*\}*$")]
    private static partial Regex Member();
}
