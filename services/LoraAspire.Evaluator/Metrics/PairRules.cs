using System.Text;

namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// The steps that mteval's tokenisers are made of: each goes once over a text, left to right, and what it took isn't seen again.
/// </summary>
internal static class PairRules
{
    /// <summary>mteval-v13a's four steps over western text: punctuation apart, full stop and comma unless between digits.</summary>
    public static string Western(string text) => StopsApart(PunctuationApart(text));

    public static string PunctuationApart(string text) => Apart(text, IsPunctuation);

    /// <summary>The three steps that follow <see cref="PunctuationApart"/>.</summary>
    public static string StopsApart(string text)
    {
        text = Pairs(text, left => !char.IsAsciiDigit(left), IsStopOrComma, " ", " ", before: "");
        text = Pairs(text, IsStopOrComma, right => !char.IsAsciiDigit(right), " ", "", before: " ");
        return Pairs(text, char.IsAsciiDigit, right => right == '-', " ", " ", before: "");
    }

    /// <summary>A space on both sides of each char of a kind.</summary>
    public static string Apart(string text, Func<char, bool> isOfKind)
    {
        StringBuilder apart = new(text.Length + 16);
        foreach (var letter in text)
        {
            if (isOfKind(letter))
            {
                apart.Append(' ').Append(letter).Append(' ');
            }
            else
            {
                apart.Append(letter);
            }
        }
        return apart.ToString();
    }

    /// <summary>
    /// Each pair of neighbours of two kinds, with something before, between and after. Halves of a surrogate pair count alone, which comes
    /// to the same: no kind here tells them from another letter.
    /// </summary>
    private static string Pairs(string text, Func<char, bool> left, Func<char, bool> right, string between, string after, string before)
    {
        StringBuilder apart = new(text.Length + 16);
        for (var i = 0; i < text.Length; i++)
        {
            if (i + 1 < text.Length && left(text[i]) && right(text[i + 1]))
            {
                apart.Append(before).Append(text[i]).Append(between).Append(text[++i]).Append(after);
            }
            else
            {
                apart.Append(text[i]);
            }
        }
        return apart.ToString();
    }

    private static bool IsStopOrComma(char letter) => letter is '.' or ',';

    /// <summary>ASCII's punctuation and the space, but for ' , - and the full stop.</summary>
    private static bool IsPunctuation(char letter) => letter is (>= ' ' and <= '~') and not ('\'' or ',' or '-' or '.')
        && !char.IsAsciiLetterOrDigit(letter);
}
