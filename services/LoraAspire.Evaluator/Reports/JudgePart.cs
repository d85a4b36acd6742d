using System.Globalization;
using System.Net;
using System.Text;
using LoraAspire.Evaluator.Asking;
using LoraAspire.Pipelines.Stages;
using static LoraAspire.Evaluator.Reports.HtmlPage;

namespace LoraAspire.Evaluator.Reports;

/// <summary>What a judge said, in report.html: the sums, and the questions in which the model did worst.</summary>
internal static class JudgePart
{
    public static void Append(StringBuilder html, JudgeReport judge)
    {
        Table(html, "What a judge says", ["of", "rating, 1 to 5", "wins against the base", "ties", "losses", "ties by order alone"],
            judge.Models.Select(model => Row(Text(model.Name), Number(model.Rating), Number(model.Wins), Number(model.Ties),
                Number(model.Losses), Number(model.Undecided))));
        html.Append(CultureInfo.InvariantCulture, $"<p><small>{WebUtility.HtmlEncode(judge.Model)}: {judge.Verdicts} verdicts, ")
            .Append(CultureInfo.InvariantCulture, $"{judge.Cached} of them from the cache, {judge.Unreadable} unreadable.</small></p>\n");
        var own = judge.Models.Count > 1 && judge.Models[0].Name == Contestant.Base ? 1 : 0;
        Table(html, "Judged worst", ["question", "answer", "rating", "", "against the base", ""], judge.Questions
            .Select(question => (question.Question, Answer: question.Answers[own]))
            .OrderBy(row => row.Answer.Outcome ?? PairOutcome.Tie).ThenBy(row => row.Answer.Rating ?? 3).Take(Examples)
            .Select(row => Row(Text(row.Question), Text(row.Answer.Answer), Number(row.Answer.Rating), Text(row.Answer.Reason),
                Text(row.Answer.Outcome?.ToString().ToLowerInvariant()), Text(string.Join("\n", row.Answer.Reasons)))));
    }
}
