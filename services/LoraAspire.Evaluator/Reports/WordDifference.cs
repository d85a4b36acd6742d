using System.Net;
using System.Text;
using System.Text.RegularExpressions;

namespace LoraAspire.Evaluator.Reports;

/// <summary>Two answers as one text of HTML: what only the first has struck out, what only the second has marked.</summary>
internal static partial class WordDifference
{
    /// <summary>The table of longer ones would take the square of it; they stand one after the other.</summary>
    private const int Longest = 600;

    public static string Html(string before, string after)
    {
        string[] first = Parts(before), second = Parts(after);
        if (first.Length > Longest || second.Length > Longest)
        {
            return Marked("del", before) + Marked("ins", after);
        }
        var common = new int[first.Length + 1, second.Length + 1]; // of what is left from here on
        for (var i = first.Length - 1; i >= 0; i--)
        {
            for (var j = second.Length - 1; j >= 0; j--)
            {
                common[i, j] = first[i] == second[j] ? common[i + 1, j + 1] + 1 : Math.Max(common[i + 1, j], common[i, j + 1]);
            }
        }
        StringBuilder html = new();
        var (one, other) = (0, 0);
        while (one < first.Length || other < second.Length)
        {
            if (one < first.Length && other < second.Length && first[one] == second[other])
            {
                html.Append(WebUtility.HtmlEncode(first[one++]));
                other++;
            }
            else if (other == second.Length || (one < first.Length && common[one + 1, other] >= common[one, other + 1]))
            {
                html.Append(Marked("del", first[one++]));
            }
            else
            {
                html.Append(Marked("ins", second[other++]));
            }
        }
        return html.ToString();
    }

    private static string Marked(string tag, string text) => text.Length == 0 ? "" : $"<{tag}>{WebUtility.HtmlEncode(text)}</{tag}>";

    private static string[] Parts(string text) => [.. Part().Matches(text).Select(match => match.Value)];

    /// <summary>A word, white space, or one of anything else: a Chinese character alone.</summary>
    [GeneratedRegex(@"[A-Za-z0-9À-ɏ]+|\s+|[\s\S]")]
    private static partial Regex Part();
}
