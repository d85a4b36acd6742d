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
        Enumerable.Range(0, lines.Length).Where(at => Begin().IsMatch(lines[at])).Select(at => From(lines, at));

    /// <summary>The stage that this line belongs to; null above the first.</summary>
    public static StageText? Around(string[] lines, int line)
    {
        for (var at = line; at >= 0; at--)
        {
            if (Begin().IsMatch(lines[at]))
            {
                return From(lines, at);
            }
        }
        return null;
    }

    public bool Has(string key) => Lines.Any(line => Regex.IsMatch(line, $@"(?:^|[\s{{,-]){Regex.Escape(key)}\s*:"));

    /// <summary>Under which key of the stage something is being written, null for the stage itself, and what of it is written.</summary>
    /// <param name="written">The line up to the cursor.</param>
    public (string? Section, string Token) Place(int line, string written)
    {
        if (Flow().Match(written) is { Success: true } flow)
        {
            return (flow.Groups[1].Value, flow.Groups[2].Value.Split(',')[^1].Trim());
        }
        var indent = Begin().IsMatch(written) ? Keys : Completions.Indent(written);
        var token = Dash().Replace(written, "").TrimStart();
        if (indent <= Keys)
        {
            return (null, token);
        }
        var above = Lines.Take(line - Start).ToList();
        var section = above.FindLastIndex(one => Completions.KeyOfLine(one) is not null
            && (Begin().IsMatch(one) ? Keys : Completions.Indent(one)) == Keys);
        if (section < 0)
        {
            return (null, token);
        }
        // What lies deeper than the section's first key is a value of its own: nothing is known of it here.
        var first = above.Skip(section + 1).FirstOrDefault(one => one.Trim().Length > 0);
        return first is null || Completions.Indent(first) == indent ? (Completions.KeyOfLine(above[section]), token) : ("", token);
    }

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

    [GeneratedRegex(@"^\s*(?:-\s+)?(with|inputs)\s*:\s*\{([^{}\[\]]*)$")]
    private static partial Regex Flow();

    [GeneratedRegex(@"^\s*-\s*")]
    private static partial Regex Dash();
}
