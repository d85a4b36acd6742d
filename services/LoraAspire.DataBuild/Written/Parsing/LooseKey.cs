namespace LoraAspire.DataBuild.Written.Parsing;

/// <summary>A key in almost-JSON: in any quotes or in none, with a colon of any width behind it, or the marks of other languages.</summary>
/// <param name="Value">Where its value may begin.</param>
internal readonly record struct LooseKey(string Name, int Value)
{
    private const int Longest = 60;

    /// <summary>The key that begins at <paramref name="at"/>, or null.</summary>
    /// <param name="bare">A word without quotes is one, too.</param>
    public static LooseKey? At(string text, int at, bool bare)
    {
        var quoted = LooseText.IsQuote(text[at]);
        var start = at + (quoted ? 1 : 0);
        var stop = start;
        while (stop < Math.Min(text.Length, start + Longest)
            && (quoted ? !LooseText.IsQuote(text[stop]) && text[stop] is not ('」' or '』' or '\n') : char.IsLetterOrDigit(text[stop]) || text[stop] is '_' or '-'))
        {
            stop++;
        }
        if (stop >= text.Length)
        {
            return null;
        }
        var after = Blanks.SkipWithComments(text, stop + (quoted ? 1 : 0));
        if (stop == start || !(quoted || bare) || after >= text.Length || text[after] is not (':' or '：' or '='))
        {
            return null;
        }
        return new(text[start..stop], after + (text[after] == '=' && after + 1 < text.Length && text[after + 1] == '>' ? 2 : 1));
    }
}
