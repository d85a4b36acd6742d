using System.Text.RegularExpressions;

namespace LoraAspire.Pipelines.Stages;

public enum TextChange { Kept, Removed, Added }

/// <summary>A word, white space or sign of one answer or of both.</summary>
public readonly record struct ChangedText(TextChange Change, string Text);

/// <summary>What became of an answer, word by word.</summary>
public static partial class AnswerDifference
{
    /// <summary>The table of longer ones would take the square of it; they stand one after the other.</summary>
    private const int Longest = 600;

    public static IEnumerable<ChangedText> Of(string before, string after)
    {
        string[] first = Parts(before), second = Parts(after);
        if (first.Length > Longest || second.Length > Longest)
        {
            return new ChangedText[] { new(TextChange.Removed, before), new(TextChange.Added, after) }.Where(one => one.Text.Length > 0);
        }
        return Compared(first, second);
    }

    private static IEnumerable<ChangedText> Compared(string[] first, string[] second)
    {
        var common = new int[first.Length + 1, second.Length + 1]; // of what is left from here on
        for (var i = first.Length - 1; i >= 0; i--)
        {
            for (var j = second.Length - 1; j >= 0; j--)
            {
                common[i, j] = first[i] == second[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }
        var (one, other) = (0, 0);
        while (one < first.Length || other < second.Length)
        {
            if (one < first.Length && other < second.Length && first[one] == second[other])
            {
                yield return new(TextChange.Kept, first[one++]);
                other++;
            }
            else if (other == second.Length || (one < first.Length && common[one + 1, other] >= common[one, other + 1]))
            {
                yield return new(TextChange.Removed, first[one++]);
            }
            else
            {
                yield return new(TextChange.Added, second[other++]);
            }
        }
    }

    private static string[] Parts(string text) => [.. Part().Matches(text).Select(match => match.Value)];

    /// <summary>A word, white space, or one of anything else: a Chinese character alone.</summary>
    [GeneratedRegex(@"[A-Za-z0-9À-ɏ]+|\s+|[\s\S]")]
    private static partial Regex Part();
}
