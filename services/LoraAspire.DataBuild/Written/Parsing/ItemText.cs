using System.Text.RegularExpressions;
using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>
/// One item without what a model puts around it: quotes, Markdown, the name of its style. Labels and notes go only when the rest is an item
/// by itself.
/// </summary>
internal static partial class ItemText
{
    /// <summary>No item is longer: it is dropped for that, and not looked at.</summary>
    private const int Longest = 2_000;

    /// <summary>So many pairs of quotes stand around nothing that is meant; bounds the work.</summary>
    private const int Deepest = 8;

    private static readonly (string Open, string Close)[] Quotes =
        [("**", "**"), ("__", "__"), .. "\"\" “” ”” „“ „” ‘’ '' 「」 『』 «» `` ** __".Split(' ').Select(pair => (pair[..1], pair[1..]))];

    public static string Clean(string text, Func<string, bool> whole)
    {
        if (text.Length > Longest)
        {
            return text;
        }
        text = Escaped().Replace(Blanks.Trim(text), "$1");
        text = Unless(BoldLabel().Replace(text, ""), text, whole);
        text = Emphasis().Replace(text.Replace("**", "", StringComparison.Ordinal), "$2");
        while (true)
        {
            var bare = Unquoted(text);
            if (bare.Length > 1 && bare[^1] is ',' or '，' && Unquoted(bare[..^1]) is var quoted && quoted.Length < bare.Length - 1)
            {
                bare = quoted;
            }
            bare = Unless(Label().Replace(bare, ""), bare, whole);
            bare = Unless(Note().Replace(bare, ""), bare, whole);
            bare = QuotedWithNote().Match(bare) is { Success: true } noted ? Unless(noted.Groups[1].Value, bare, whole) : bare;
            if (bare.Length == text.Length)
            {
                return LineBreaks().Replace(bare, " ");
            }
            text = bare;
        }
    }

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
        // Open and close look alike: the next one, but for those within words (it's, tgt_lang), opens when white space or the start stands
        // before it.
        var next = inner.IndexOf(pair.Open, StringComparison.Ordinal);
        while (next > 0 && next + pair.Open.Length < inner.Length
            && char.IsAsciiLetterOrDigit(inner[next - 1]) && char.IsAsciiLetterOrDigit(inner[next + pair.Open.Length]))
        {
            next = inner.IndexOf(pair.Open, next + pair.Open.Length, StringComparison.Ordinal);
        }
        return next <= 0 || char.IsWhiteSpace(inner[next - 1]) || inner[next - 1] is '(' or '（' or ':' or '：';
    }

    /// <summary>
    /// What is left must be whole, and say something beside its placeholders: in "Translate: [input]" the label is the item.
    /// </summary>
    private static string Unless(string bare, string text, Func<string, bool> whole) =>
        bare.Length < text.Length && whole(bare) && Placeholder().Replace(bare, "").Any(char.IsLetter) ? bare : text;

    private const string Style =
        "(?:(?:very|more|less|semi|a|the)[ -])?(?:formal|informal|polite|politely|casual|neutral|short|long|simple|direct|plain|brief"
        + "|concise|detailed|friendly|conversational|professional|imperative|colloquial|courteous|academic"
        + "|technical|indirect|straightforward|minimal|elaborate"
        + "|正式|非正式|礼貌|口语|口语化|简短|简洁|直接|详细|友好|客气|随意)"
        + "(?:(?:,? and |, |/| & )(?:formal|informal|polite|casual|short|long|direct|brief|friendly|detailed))?"
        + "(?: (?:request|tone|style|form|version|question|command|phrasing|instruction))?";

    [GeneratedRegex(@"\\([\[\]_*.])")]
    private static partial Regex Escaped();

    /// <summary>Marks around a placeholder, or Markdown's code around it.</summary>
    [GeneratedRegex(@"(?<![\w*`])([*_`])(\[[^\[\]\n]{1,40}\])\1(?![\w*`])")]
    private static partial Regex Emphasis();

    [GeneratedRegex(@"^\*\*[^*\[\]\n]{1,40}(?:\*\*\s*[:：]|[:：]\s*\*\*)\s*")]
    private static partial Regex BoldLabel();

    [GeneratedRegex($@"^(?:(?:Template|Prompt|Variant|Variation|Option|Version|text|模板|{Style})(?: ?\d{{1,3}})?\s*[:：–—]\s*)",
        RegexOptions.IgnoreCase)]
    private static partial Regex Label();

    [GeneratedRegex($@"\s*[（(]\s*{Style}\s*[)）]\.?$", RegexOptions.IgnoreCase)]
    private static partial Regex Note();

    [GeneratedRegex($@"^[""“'`](.+)[""”'`]\s*(?:[-–—(（:：]\s*{Style}\s*[)）]?\.?|(?:#|//).*)$", RegexOptions.IgnoreCase)]
    private static partial Regex QuotedWithNote();

    [GeneratedRegex(@"\[[^\[\]]*\]")]
    private static partial Regex Placeholder();

    [GeneratedRegex(@"\s*[\r\n\t\v\f]+\s*")]
    private static partial Regex LineBreaks();
}
