using System.Text;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator;

/// <summary>report.md: the answers side by side, for people.</summary>
internal static class AnswersPage
{
    public const string FileName = "report.md";

    public static string Of(AnswersReport report)
    {
        var text = new StringBuilder("# Answers\n\nGreedy decoding, one question at a time.\n\n");
        var withBase = report.Questions.Any(row => row.Base is not null);
        text.Append(withBase ? "| question | base | tuned |\n| --- | --- | --- |\n" : "| question | answer |\n| --- | --- |\n");
        foreach (var row in report.Questions)
        {
            text.Append("| ").Append(Cell(row.Question)).Append(withBase ? $" | {Cell(row.Base)}" : "").Append(" | ")
                .Append(Cell(row.Model)).Append(" |\n");
        }
        return text.ToString();
    }

    private static string Cell(string? text) => (text ?? "").Replace("|", "\\|").Replace("\n", "<br>");
}
