using System.Globalization;
using System.Net;
using System.Text;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Reports;

/// <summary>report.html: one file without scripts or anything from elsewhere, to be opened, sent or printed.</summary>
internal static class HtmlPage
{
    public const string FileName = "report.html";

    private const int Examples = 10;

    private const string Head = """
        <!doctype html><html lang="en"><head><meta charset="utf-8"><title>Evaluation</title>
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <style>body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:70rem;padding:0 1rem}table{border-collapse:collapse;
        width:100%;margin:1rem 0}td,th{border:1px solid #ccc;padding:.3rem .6rem;text-align:left;vertical-align:top}td{white-space:pre-wrap;
        overflow-wrap:anywhere}td.n{text-align:right;white-space:nowrap}ins{background:#d6f5d6;text-decoration:none}del{background:#fbdcdc}
        .bad{color:#b00020}small{color:#666}</style></head><body><h1>Evaluation</h1>

        """;

    public static string Of(AnswersReport report)
    {
        StringBuilder html = new(Head);
        if (report.Scores.Count > 0)
        {
            Table(html, "Scores", ["score", "model", "±", "base", "p", "required", "signature"], report.Scores.Select(score => Row(
                Text(score.Name), Number(score.Value), Number(score.HalfWidth), Number(score.Base), Number(score.P),
                Number(score.Required), $"<td><small>{Encoded(score.Signature ?? "")}</small></td>")));
        }
        if (report.Identity.Count > 0)
        {
            Table(html, "Who it says it is", ["question", "answer", ""], report.Identity.OrderBy(answer => answer.Wrong is null)
                .Select(answer => Row(Text(answer.Question), Text(answer.Answer),
                    answer.Wrong is null ? "<td>right</td>" : $"<td class=\"bad\">{Encoded(answer.Wrong)}</td>")));
        }
        var sorted = report.HeldOut.OrderBy(answer => answer.Chrf).ToList();
        Answers(html, "Worst held-out answers", sorted.Take(Examples));
        Answers(html, "Best held-out answers", sorted.Skip(Examples).Reverse().Take(Examples));
        Answers(html, "Ordinary questions", report.Ordinary.OrderBy(answer => answer.Chrf));
        if (report.Questions.Count > 0)
        {
            Table(html, "Questions", ["question", "base", "model", "difference"], report.Questions.Select(row => Row(Text(row.Question),
                Text(row.Base), Text(row.Model), row.Base is null ? Text("") : $"<td>{WordDifference.Html(row.Base, row.Model)}</td>")));
        }
        return html.Append("</body></html>\n").ToString();
    }

    private static void Answers(StringBuilder html, string title, IEnumerable<ScoredAnswer> answers)
    {
        var rows = answers.Select(answer => Row(Text(answer.Question), Text(answer.Reference), Text(answer.Model), Number(answer.Chrf),
            answer.Base is null ? Text("") : $"<td>{WordDifference.Html(answer.Base, answer.Model)}</td>", Number(answer.BaseChrf)))
            .ToList();
        if (rows.Count > 0)
        {
            Table(html, title, ["question", "reference", "model", "chrF", "base → model", "base's chrF"], rows);
        }
    }

    private static void Table(StringBuilder html, string title, string[] columns, IEnumerable<string> rows) => html
        .Append(CultureInfo.InvariantCulture, $"<h2>{title}</h2><table><tr>")
        .AppendJoin("", columns.Select(column => $"<th>{column}</th>")).Append("</tr>\n")
        .AppendJoin("", rows).Append("</table>\n");

    private static string Row(params string[] cells) => $"<tr>{string.Concat(cells)}</tr>\n";

    private static string Text(string? text) => $"<td>{Encoded(text ?? "")}</td>";

    private static string Number(double? value) =>
        $"<td class=\"n\">{value?.ToString(Math.Abs(value.Value) < 2 ? "0.####" : "0.00", CultureInfo.InvariantCulture)}</td>";

    private static string Encoded(string text) => WebUtility.HtmlEncode(text);
}
