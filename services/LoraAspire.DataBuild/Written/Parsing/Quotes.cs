namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>Marks that a model puts around an item: quotes of any language, back-ticks, bold.</summary>
internal static class Quotes
{
    private static readonly (string Open, string Close)[] Pairs =
        [("**", "**"), ("__", "__"), ("\"", "\""), ("“", "”"), ("”", "”"), ("‘", "’"), ("'", "'"), ("「", "」"), ("『", "』"), ("«", "»"), ("`", "`")];

    /// <summary>The text without the pairs that enclose all of it. Quotes that belong to its beginning or end alone stay: <c>"[input]" means "…"</c>.</summary>
    public static string Strip(string text)
    {
        text = text.Trim();
        while (Pairs.FirstOrDefault(pair => Encloses(text, pair)) is { Open: not null } found)
        {
            text = text[found.Open.Length..^found.Close.Length].Trim();
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
        var next = inner.IndexOf(pair.Open, StringComparison.Ordinal);
        return next < 0 || next == 0 || char.IsWhiteSpace(inner[next - 1]) || inner[next - 1] is '(' or '（' or ':' or '：';
    }
}
