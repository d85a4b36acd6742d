namespace LoraAspire.Evaluator.Metrics;

/// <summary>Words as tercom's normaliser makes them, which TER is counted over.</summary>
internal static class TercomWords
{
    private const string Punctuation = ".,?:;!\"()";

    /// <summary>
    /// Characters that stand alone with Asian support. sacrebleu also has rules for runs of kana; they ask for the start of a text that
    /// begins with the space put there before, so that they never apply, and aren't here.
    /// </summary>
    private static readonly (char First, char Last)[] s_asian =
    [
        ('\u2e80', '\u2eff'), ('\u31c0', '\u31ef'), ('\u3200', '\u4dbf'), ('\u4e00', '\u9fff'), ('\uf900', '\ufaff'), ('\ufe30', '\ufe4f'),
    ];

    private static readonly (char First, char Last)[] s_asianPunctuation =
    [
        ('\u3001', '\u3002'), ('\u3008', '\u3011'), ('\u3014', '\u301f'), ('\uff61', '\uff65'), ('\u30fb', '\u30fb'),
        ('\uff01', '\uff02'), ('\uff08', '\uff09'), ('\uff0c', '\uff0c'), ('\uff0e', '\uff0e'), ('\uff1a', '\uff1b'), ('\uff1f', '\uff1f'),
    ];

    public static List<string> Of(string text, Ter options)
    {
        text = PythonText.TrimEnd(text);
        text = options.CaseSensitive ? text : PythonText.Lower(text);
        if (options.Normalized)
        {
            text = Normalized(text);
            text = options.AsianSupport
                ? PairRules.Apart(text, letter => Holds(s_asian, letter) || Holds(s_asianPunctuation, letter)) : text;
        }
        if (options.NoPunctuation)
        {
            text = string.Concat(text.Where(letter => !Punctuation.Contains(letter)
                && !(options.AsianSupport && Holds(s_asianPunctuation, letter))));
        }
        return PythonText.Split(text);
    }

    private static string Normalized(string text)
    {
        text = BleuTokenizers.WithoutEntities(text.Replace("\n-", "", StringComparison.Ordinal).Replace('\n', ' '));
        text = PairRules.PunctuationApart($" {text} ").Replace("'s ", " 's ", StringComparison.Ordinal);
        return PairRules.StopsApart(text);
    }

    private static bool Holds((char First, char Last)[] ranges, char letter) =>
        Array.Exists(ranges, range => range.First <= letter && letter <= range.Last);
}
