using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Lab.SubmitPages;

/// <summary>The lines of one stage in a text that is being written.</summary>
/// <param name="Start">Its first line, counted from 0 in the whole text.</param>
/// <param name="Keys">The indentation of its keys.</param>
internal sealed partial record StageText(IReadOnlyList<string> Lines, int Start, int Keys)
{
    /// <summary>Null while it has none.</summary>
    public string? Id => Value("id");

    /// <summary>Null while it is unknown.</summary>
    public StageKind? Kind => Value("uses") is { } name ? StageKinds.Find(name) : null;

    public static IEnumerable<StageText> All(string[] lines) =>
        Beginnings(lines).Select(at => From(lines, at));

    /// <summary>The stage that this line belongs to; null above the first.</summary>
    public static StageText? Around(string[] lines, int line) =>
        Beginnings(lines).Where(at => at <= line).Select(at => (int?)at).LastOrDefault() is { } start ? From(lines, start) : null;

    /// <summary>An item deeper than the first is none of the stages'.</summary>
    private static IEnumerable<int> Beginnings(string[] lines)
    {
        List<int> items = [.. Enumerable.Range(0, lines.Length).Where(at => Begin().IsMatch(lines[at]))];
        return items.Where(at => Completions.Indent(lines[at]) <= Completions.Indent(lines[items[0]]));
    }

    public bool Has(string key) => Lines.Any(line => Regex.IsMatch(line, $@"(?:^|[\s{{,-]){Regex.Escape(key)}\s*:"));

    /// <param name="line">Counted from 0 in the whole text.</param>
    /// <param name="written">That line up to the cursor.</param>
    public TextPlace Place(int line, string written) => TextPlace.Of(Lines.Take(line - Start), written);

    private string? Value(string key) => Lines.Where((one, at) => Completions.KeyOfLine(one) == key
        && (at == 0 || Completions.Indent(one) == Keys)).Select(one => one.Split(':', 2)[1].Split('#')[0].Trim(' ', '"', '\''))
        .FirstOrDefault(value => value.Length > 0);

    private static StageText From(string[] lines, int start)
    {
        var dash = Completions.Indent(lines[start]);
        var own = lines.Skip(start + 1).TakeWhile(line => line.Trim().Length == 0 || Completions.Indent(line) > dash);
        var keys = lines[start].Length - lines[start].TrimStart(' ', '-').Length;
        return new([lines[start], .. own], start, Math.Max(keys, dash + 2));
    }

    [GeneratedRegex(@"^\s*-(?:\s*$|\s+(?:id|uses)?(?:\s*:.*)?$)")]
    private static partial Regex Begin();
}
