namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>Marks that a model puts around an item: quotes of any language, back-ticks, bold and italics.</summary>
internal static class Quotes
{
    private static readonly (string Open, string Close)[] Pairs =
        [("**", "**"), ("__", "__"), ("\"", "\""), ("“", "”"), ("”", "”"), ("„", "“"), ("„", "”"), ("‘", "’"), ("'", "'"), ("「", "」"), ("『", "』"), ("«", "»"), ("`", "`"), ("*", "*"), ("_", "_")];

    /// <summary>So many pairs stand around nothing that is meant; bounds the work.</summary>
    private const int Deepest = 8;

    /// <summary>The text without the pairs that enclose all of it. Quotes that belong to its beginning or end alone stay: <c>"[input]" means "…"</c>.</summary>
    public static string Strip(string text)
    {
        text = Blanks.Trim(text);
        for (var depth = 0; depth < Deepest && Pairs.FirstOrDefault(pair => Encloses(text, pair)) is { Open: not null } found; depth++)
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
        // Open and close look alike: the next one opens when white space (or the start) stands before it.
        var next = Next(inner, pair.Open);
        return next < 0 || next == 0 || char.IsWhiteSpace(inner[next - 1]) || inner[next - 1] is '(' or '（' or ':' or '：';
    }

    /// <summary>The first mark that doesn't stand within a word, as in <c>it's</c> and <c>tgt_lang</c>.</summary>
    private static int Next(string text, string mark)
    {
        var at = text.IndexOf(mark, StringComparison.Ordinal);
        while (at > 0 && at + mark.Length < text.Length && char.IsAsciiLetterOrDigit(text[at - 1]) && char.IsAsciiLetterOrDigit(text[at + mark.Length]))
        {
            at = text.IndexOf(mark, at + mark.Length, StringComparison.Ordinal);
        }
        return at;
    }
}
