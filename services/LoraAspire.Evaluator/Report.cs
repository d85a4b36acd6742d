using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace LoraAspire.Evaluator;

/// <param name="Base">The base's answer; null when no base was given.</param>
public sealed record ReportRow(string Question, string? Base, string Model);

/// <summary>The answers, for programs (report.json) and for people (report.md).</summary>
public sealed record Report(IReadOnlyList<ReportRow> Questions)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public void Save(string folder)
    {
        File.WriteAllText(Path.Combine(folder, "report.json"), JsonSerializer.Serialize(this, s_json) + "\n");
        File.WriteAllText(Path.Combine(folder, "report.md"), ToMarkdown());
    }

    private string ToMarkdown()
    {
        var text = new StringBuilder("# Answers\n\nGreedy decoding, one question at a time.\n\n");
        var withBase = Questions.Any(row => row.Base is not null);
        text.Append(withBase ? "| question | base | tuned |\n| --- | --- | --- |\n" : "| question | answer |\n| --- | --- |\n");
        foreach (var row in Questions)
        {
            text.Append("| ").Append(Cell(row.Question)).Append(withBase ? $" | {Cell(row.Base)}" : "").Append(" | ").Append(Cell(row.Model)).Append(" |\n");
        }
        return text.ToString();
    }

    private static string Cell(string? text) => (text ?? "").Replace("|", "\\|").Replace("\n", "<br>");
}
