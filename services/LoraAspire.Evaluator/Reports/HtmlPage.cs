using System.Globalization;
using System.Net;
using System.Text;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Reports;

/// <summary>report.html: one file without scripts or anything from elsewhere, to be opened, sent or printed.</summary>
internal static class HtmlPage
{
    public const string FileName = "report.html";

    internal const int Examples = 10;

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
        if (report.Candidates.Count > 0)
        {
            Table(html, "Candidates", ["score", "of", "", "±", "p against base", "p against model"], report.Scores.SelectMany(score =>
                report.Candidates.Zip(score.Candidates ?? [], (name, own) => Row(Text(score.Name), Text(name), Number(own.Value),
                    Number(own.HalfWidth), Number(own.P), Number(own.ModelP)))));
        }
        if (report.Subjects.Count > 1)
        {
            Table(html, "Multiple choice by subject", ["subject", "questions", "model", "base", .. report.Candidates],
                report.Subjects.Select(subject => Row([Text(subject.Subject), Number(subject.Questions), Number(subject.Value),
                    Number(subject.Base), .. (subject.Candidates ?? []).Select(value => Number(value))])));
        }
        if (report.Judge is { } judge)
        {
            JudgePart.Append(html, judge);
        }
        if (report.Identity.Count > 0)
        {
            Table(html, "Who it says it is", ["question", "answer", "", .. Twice(report.Candidates)], report.Identity
                .OrderBy(answer => answer.Wrong is null).Select(answer => Row([Text(answer.Question), Text(answer.Answer),
                    Judged(answer.Wrong), .. (answer.Candidates ?? []).SelectMany(own => new[] { Text(own.Answer), Judged(own.Wrong) })])));
        }
        var sorted = report.HeldOut.OrderBy(answer => answer.Chrf).ToList();
        Answers(html, "Worst held-out answers", sorted.Take(Examples), report.Candidates);
        Answers(html, "Best held-out answers", sorted.Skip(Examples).Reverse().Take(Examples), report.Candidates);
        Answers(html, "Ordinary questions", report.Ordinary.OrderBy(answer => answer.Chrf), report.Candidates);
        if (report.Questions.Count > 0)
        {
            Table(html, "Questions", ["question", "base", "model", "difference", .. report.Candidates], report.Questions.Select(row =>
                Row([Text(row.Question), Text(row.Base), Text(row.Model),
                    row.Base is null ? Text("") : $"<td>{WordDifference.Html(row.Base, row.Model)}</td>",
                    .. (row.Candidates ?? []).Select(Text)])));
        }
        return html.Append("</body></html>\n").ToString();
    }

    private static void Answers(StringBuilder html, string title, IEnumerable<ScoredAnswer> answers, IReadOnlyList<string> candidates)
    {
        var rows = answers.Select(answer => Row([Text(answer.Question), Text(answer.Reference), Text(answer.Model), Number(answer.Chrf),
            answer.Base is null ? Text("") : $"<td>{WordDifference.Html(answer.Base, answer.Model)}</td>", Number(answer.BaseChrf),
            .. (answer.Candidates ?? []).SelectMany(own => new[] { Text(own.Answer), Number(own.Chrf) })])).ToList();
        if (rows.Count > 0)
        {
            Table(html, title, ["question", "reference", "model", "chrF", "base → model", "base's chrF", .. Twice(candidates)], rows);
        }
    }

    /// <summary>Each has an answer, and what it is worth.</summary>
    private static IEnumerable<string> Twice(IEnumerable<string> candidates) => candidates.SelectMany(name => new[] { name, "" });

    private static string Judged(string? wrong) => wrong is null ? "<td>right</td>" : $"<td class=\"bad\">{Encoded(wrong)}</td>";

    internal static void Table(StringBuilder html, string title, string[] columns, IEnumerable<string> rows) => html
        .Append(CultureInfo.InvariantCulture, $"<h2>{title}</h2><table><tr>")
        .AppendJoin("", columns.Select(column => $"<th>{Encoded(column)}</th>")).Append("</tr>\n")
        .AppendJoin("", rows).Append("</table>\n");

    internal static string Row(params string[] cells) => $"<tr>{string.Concat(cells)}</tr>\n";

    internal static string Text(string? text) => $"<td>{Encoded(text ?? "")}</td>";

    internal static string Number(double? value) =>
        $"<td class=\"n\">{value?.ToString(Math.Abs(value.Value) < 2 ? "0.####" : "0.00", CultureInfo.InvariantCulture)}</td>";

    private static string Encoded(string text) => WebUtility.HtmlEncode(text);
}
