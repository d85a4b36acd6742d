using System.Text.RegularExpressions;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>One item without what a model puts around it: quotes, Markdown, the name of its style.</summary>
internal static class ItemText
{
    /// <summary>No item is longer: it is dropped for that, and not looked at.</summary>
    private const int Longest = 2_000;

    /// <summary>So many pairs of quotes stand around nothing that is meant; bounds the work.</summary>
    private const int Deepest = 8;

    private const string Style =
        "(?:(?:very|more|less|semi|a|the)[ -])?(?:formal|informal|polite|politely|casual|neutral|short|long|simple|direct|plain|brief"
        + "|concise|detailed|friendly|conversational|professional|imperative|colloquial|courteous|academic|technical|indirect"
        + "|straightforward|minimal|elaborate|正式|非正式|礼貌|口语|口语化|简短|简洁|直接|详细|友好|客气|随意)"
        + "(?:(?:,? and |, |/| & )(?:formal|informal|polite|casual|short|long|direct|brief|friendly|detailed))?"
        + "(?: (?:request|tone|style|form|version|question|command|phrasing|instruction))?";

    /// <summary>What goes again and again, with the quotes around it. The last column: only when the rest is an item by itself.</summary>
    private static readonly (Regex What, string With, bool IfWhole)[] Marks =
    [
        (Of(@"\\([\[\]_*.])"), "$1", false),
        (Of(@"^\*\*[^*\[\]\n]{1,40}(?:\*\*\s*[:：]|[:：]\s*\*\*)\s*"), "", true), // a label in bold
        (Of(@"\*\*"), "", false),
        (Of(@"(?<![\w*`])([*_`])(\[[^\[\]\n]{1,40}\])\1(?![\w*`])"), "$2", false), // around a placeholder
        (Of($@"^(?:Template|Prompt|Variant|Variation|Option|Version|text|模板|{Style})(?: ?\d{{1,3}})?\s*[:：–—]\s*"), "", true),
        (Of($@"\s*[（(]\s*{Style}\s*[)）]\.?$"), "", true),
        (Of($@"^[""“'`](.+)[""”'`]\s*(?:[-–—(（:：]\s*{Style}\s*[)）]?\.?|(?:#|//).*)$"), "$1", true),
    ];

    private static readonly Regex Placeholder = Of(@"\[[^\[\]]*\]"), LineBreaks = Of(@"\s*[\r\n\t\v\f]+\s*");

    private static readonly (string Open, string Close)[] Quotes =
        [("**", "**"), ("__", "__"), .. "\"\" “” ”” „“ „” ‘’ '' 「」 『』 «» `` ** __".Split(' ').Select(pair => (pair[..1], pair[1..]))];

    private static Regex Of(string pattern) => new(pattern, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant);

    public static string Clean(string text, Func<string, bool> whole)
    {
        if (text.Length > Longest)
        {
            return text;
        }
        for (var length = text.Length + 1; length > text.Length;)
        {
            length = text.Length;
            text = Unquoted(Without(Blanks.Trim(text), whole));
            // "…",
            text = text is [_, .., ',' or '，'] && Unquoted(text[..^1]) is var bare && bare.Length < text.Length - 1 ? bare : text;
        }
        return LineBreaks.Replace(text, " ");
    }

    /// <summary>In "Translate: [input]" the label is the item: what is left must say something beside its placeholders.</summary>
    private static string Without(string text, Func<string, bool> whole) =>
        Marks.Aggregate(text, (text, rule) => rule.What.Replace(text, rule.With) is var bare && (!rule.IfWhole
            || (bare.Length < text.Length && whole(bare) && Placeholder.Replace(bare, "").Any(char.IsLetter))) ? bare : text);

    /// <summary>
    /// The text without the pairs of quotes that enclose all of it. Quotes that belong to its beginning or end alone stay: <c>"[input]"
    /// means "…"</c>.
    /// </summary>
    public static string Unquoted(string text)
    {
        text = Blanks.Trim(text);
        for (var depth = 0; depth < Deepest && Quotes.FirstOrDefault(pair => Encloses(text, pair)) is { Open: not null } found; depth++)
        {
            text = Blanks.Trim(text[found.Open.Length..^found.Close.Length]);
        }
        return text;
    }

    private static bool Encloses(string text, (string Open, string Close) pair)
    {
        if (text.Length <= pair.Open.Length + pair.Close.Length
            || !text.StartsWith(pair.Open, StringComparison.Ordinal) || !text.EndsWith(pair.Close, StringComparison.Ordinal))
        {
            return false;
        }
        var inner = text[pair.Open.Length..^pair.Close.Length];
        if (pair.Open != pair.Close)
        {
            // Every mark inside must find its partner inside.
            var depth = 0;
            return inner.All(letter => (depth += letter == pair.Open[0] ? 1 : letter == pair.Close[0] ? -1 : 0) >= 0);
        }
        // Both look alike: the next one, but for those within words (it's, tgt_lang), opens when white space or the start is before it.
        var mark = Regex.Escape(pair.Open);
        var next = Regex.Match(inner, $"(?<![A-Za-z0-9]){mark}|{mark}(?![A-Za-z0-9])").Index;
        return next == 0 || char.IsWhiteSpace(inner[next - 1]) || inner[next - 1] is '(' or '（' or ':' or '：';
    }
}
