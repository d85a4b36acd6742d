using System.Text;
using System.Text.RegularExpressions;

namespace LoraAspire.Tests.Lab;

/// <summary>What stands in a page's source for people to read.</summary>
internal static partial class WrittenWords
{
    /// <summary>Attributes whose words are shown or heard.</summary>
    private const string Shown =
        "title|alt|aria-label|placeholder|Placeholder|Label|HelperText|DataLabel|Title|Text|What|Empty|Waiting|All";

    /// <summary>Names, which are the same in every language, and what is typed into a terminal.</summary>
    private static readonly string[] s_names = ["LoraAspire", "Zip", "PNG", "CSV", "GPU", "dotnet run"];

    /// <summary>The texts that are looked up in the reader's language.</summary>
    public static IEnumerable<string> Asked(string source) => Lookup().Matches(source).Select(match =>
        string.Concat(Literal().Matches(match.Groups[1].Value).Select(part => part.Groups[1].Value)).Replace("\\\"", "\""));

    /// <summary>The texts of a page that aren't.</summary>
    public static IReadOnlyList<string> InOneLanguage(string page)
    {
        var text = Lookup().Replace(Directive().Replace(Comment().Replace(page, ""), ""), "L[found");
        var (markup, code) = text.IndexOf("\n@code", StringComparison.Ordinal) is >= 0 and var at ? (text[..at], text[at..]) : (text, "");
        var (plain, computed) = Split(markup);
        return
        [
            .. Attribute().Matches(plain).Select(match => match.Groups[1].Value).Where(text => IsWords(text) && !Variable().IsMatch(text)),
            .. Between().Matches($">{Tag().Replace(plain, "<>")}<").Select(match => match.Groups[1].Value.Trim()).Where(IsWords),
            .. Literal().Matches(computed + code).Select(match => match.Groups[1].Value).Where(IsSaid),
        ];
    }

    /// <summary>The markup with @ alone where something is computed, and what is computed.</summary>
    private static (string Plain, string Computed) Split(string markup)
    {
        StringBuilder plain = new(), computed = new();
        for (var at = 0; at < markup.Length;)
        {
            var end = markup[at] == '@' ? End(markup, at + 1) : at;
            plain.Append(markup[at]);
            computed.Append(markup[at..end]).Append(end > at ? "\n" : "");
            at = Math.Max(end, at + 1);
        }
        return (string.Join('\n', plain.ToString().Split('\n').Where(line => !CodeLine().IsMatch(line))), computed.ToString());
    }

    /// <summary>Behind what starts there: a name with all that follows it, what stands in brackets, or lines of code.</summary>
    private static int End(string markup, int at)
    {
        var start = at;
        while (at < markup.Length)
        {
            if (markup[at] is '(' or '[' || (at == start && markup[at] is '{'))
            {
                at = Closed(markup, at);
            }
            else if (char.IsLetterOrDigit(markup[at]) || markup[at] is '_'
                || (markup[at] is '.' or '?' or '!' && at + 1 < markup.Length && (char.IsLetter(markup[at + 1]) || markup[at + 1] is '.')))
            {
                at++;
            }
            else if (markup[at] is ' ' && Keyword().IsMatch(markup[start..at]))
            {
                at++;
            }
            else
            {
                break;
            }
        }
        return at;
    }

    /// <summary>Behind the bracket that closes the one there; one in a string is none.</summary>
    private static int Closed(string markup, int at)
    {
        var (depth, quoted) = (0, false);
        for (; at < markup.Length; at++)
        {
            quoted ^= markup[at] == '"' && markup[at - 1] != '\\';
            depth += quoted ? 0 : markup[at] switch { '(' or '[' or '{' => 1, ')' or ']' or '}' => -1, _ => 0 };
            if (depth == 0 && !quoted)
            {
                return at + 1;
            }
        }
        return at;
    }

    private static bool IsWords(string text) => Word().IsMatch(s_names.Aggregate(text, (rest, name) => rest.Replace(name, "")))
        && !text.StartsWith(s_names[^1], StringComparison.Ordinal);

    /// <summary>Words with spaces that begin as a sentence does, or have something in their middle; others are names of styles.</summary>
    private static bool IsSaid(string text) => Spaced().IsMatch(text) && (char.IsUpper(text[0]) || Filled().IsMatch(text));

    [GeneratedRegex("""(?:\bL\[|\bWords\.Of\()\s*((?:"(?:[^"\\]|\\.)*"(?:\s*\+\s*)?)+)""")]
    private static partial Regex Lookup();

    [GeneratedRegex("\"((?:[^\"\\\\\n]|\\\\.)*)\"")]
    private static partial Regex Literal();

    [GeneratedRegex(@"@\*.*?\*@|(?<![:""])//[^\n]*", RegexOptions.Singleline)]
    private static partial Regex Comment();

    [GeneratedRegex($@"\s(?:{Shown})=""([^""@]*)""")]
    private static partial Regex Attribute();

    [GeneratedRegex("""</?[A-Za-z](?:[^<>"]|"[^"]*")*>""")]
    private static partial Regex Tag();

    [GeneratedRegex(">([^<>]+)<")]
    private static partial Regex Between();

    [GeneratedRegex("^[a-z][A-Za-z]*$")]
    private static partial Regex Variable();

    [GeneratedRegex("^(?:if|foreach|switch|for|while|lock)$")]
    private static partial Regex Keyword();

    [GeneratedRegex(@"^@(?:using|inject|inherits|implements|page)\b.*$", RegexOptions.Multiline)]
    private static partial Regex Directive();

    /// <summary>C# between the tags.</summary>
    [GeneratedRegex(@"^\s*(?:[{}@]*|else\b.*|(?:if|foreach|switch|case|default|break|var|return|using)\b.*[;:{})]|.*;)\s*$")]
    private static partial Regex CodeLine();

    [GeneratedRegex(@"\p{L}{3,}")]
    private static partial Regex Word();

    [GeneratedRegex(@"\p{L}{2,}[,:;]* \p{L}{2,}")]
    private static partial Regex Spaced();

    [GeneratedRegex(@"\{[^{}]+\} \p{L}{2,}|\p{L}{2,} \{[^{}]+\}")]
    private static partial Regex Filled();
}
