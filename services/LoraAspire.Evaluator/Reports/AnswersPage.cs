using System.Globalization;
using System.Text;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Reports;

/// <summary>report.md: scores, and the answers side by side, for people.</summary>
internal static class AnswersPage
{
    public const string FileName = "report.md";

    public static string Of(AnswersReport report)
    {
        var text = new StringBuilder();
        if (report.Scores.Count > 0)
        {
            text.Append("# Scores\n\n| score | model | base | required |").Append(Cells(report.Candidates))
                .Append("\n| --- | --- | --- | --- |").Append(Cells(report.Candidates.Select(_ => "---"))).Append('\n');
            foreach (var score in report.Scores)
            {
                text.Append(CultureInfo.InvariantCulture,
                    $"| {score.Name} | {score.Value:0.####} | {score.Base:0.####} | {score.Required:0.####} |")
                    .Append(Cells((score.Candidates ?? []).Select(one => one.Value.ToString("0.####", CultureInfo.InvariantCulture))))
                    .Append('\n');
            }
            text.Append('\n');
        }
        if (report.Questions.Count > 0)
        {
            text.Append("# Answers\n\nGreedy decoding, each question in a conversation of its own.\n\n");
            var withBase = report.Questions.Any(row => row.Base is not null);
            text.Append(withBase ? "| question | base | tuned |" : "| question | answer |").Append(Cells(report.Candidates)).Append('\n')
                .Append(withBase ? "| --- | --- | --- |" : "| --- | --- |").Append(Cells(report.Candidates.Select(_ => "---")))
                .Append('\n');
            foreach (var row in report.Questions)
            {
                text.Append("| ").Append(Cell(row.Question)).Append(withBase ? $" | {Cell(row.Base)}" : "").Append(" | ")
                    .Append(Cell(row.Model)).Append(" |").Append(Cells(row.Candidates ?? [])).Append('\n');
            }
        }
        return text.ToString();
    }

    private static string Cells(IEnumerable<string> texts) => string.Concat(texts.Select(text => $" {Cell(text)} |"));

    private static string Cell(string? text) => (text ?? "").Replace("|", "\\|").Replace("\n", "<br>");
}
