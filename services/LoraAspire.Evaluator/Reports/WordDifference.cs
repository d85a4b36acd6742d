using System.Net;
using System.Text;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Reports;

/// <summary>Two answers as one text of HTML: what only the first has struck out, what only the second has marked.</summary>
internal static class WordDifference
{
    public static string Html(string before, string after)
    {
        StringBuilder html = new();
        foreach (var (change, text) in AnswerDifference.Of(before, after))
        {
            html.Append(change switch
            {
                TextChange.Removed => $"<del>{WebUtility.HtmlEncode(text)}</del>",
                TextChange.Added => $"<ins>{WebUtility.HtmlEncode(text)}</ins>",
                _ => WebUtility.HtmlEncode(text),
            });
        }
        return html.ToString();
    }
}
