using System.Text.RegularExpressions;

namespace LoraAspire.Evaluator.Metrics;

/// <summary>The normalisation of SQuAD's evaluation: lower case, no ASCII punctuation, no articles, words at white space.</summary>
internal static partial class Squad
{
    public static List<string> Words(string text)
    {
        var letters = string.Concat(PythonText.Lower(text)
            .Where(letter => letter is not (> ' ' and <= '~') || char.IsAsciiLetterOrDigit(letter)));
        return PythonText.Split(Article().Replace(letters, " "));
    }

    [GeneratedRegex(@"\b(a|an|the)\b")]
    private static partial Regex Article();
}
