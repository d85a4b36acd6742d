using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Lab.ResultPages;

/// <summary>The scores of every model of a report.</summary>
/// <param name="Models">Names of the columns.</param>
public sealed record ScoreTable(IReadOnlyList<string> Models, IReadOnlyList<ScoreLine> Lines)
{
    /// <summary>A difference to the base that is chance less often than this is told as one.</summary>
    private const double Significant = 0.05;

    /// <summary>The scores that the pipeline asks something of.</summary>
    public IEnumerable<ReportedScore> Gates => Lines.Select(line => line.Score).Where(score => score.Required is not null);

    public static ScoreTable Of(AnswersReport report)
    {
        var compared = report.Scores.Any(score => score.Base is not null);
        return new(ReportView.Columns(compared, report.Candidates), [.. report.Scores.Select(score =>
        {
            ScoreCell Cell(double value, double? halfWidth, double? p) => new(value, halfWidth, p, Change(score, value, p));
            return new ScoreLine(score,
            [
                .. compared ? [score.Base is { } before ? new ScoreCell(before) : null] : Array.Empty<ScoreCell?>(),
                Cell(score.Value, score.HalfWidth, score.P),
                .. report.Candidates.Select((_, at) => score.Candidates?.ElementAtOrDefault(at) is { } one
                    ? Cell(one.Value, one.HalfWidth, one.P) : null),
            ]);
        })]);
    }

    private static int Change(ReportedScore score, double value, double? p) =>
        score.Base is not { } before || before == value || p >= Significant ? 0 : value > before ^ score.LowerIsBetter ? 1 : -1;
}

/// <param name="Cells">One for each model; null where it wasn't measured.</param>
public sealed record ScoreLine(ReportedScore Score, IReadOnlyList<ScoreCell?> Cells);

/// <param name="HalfWidth">Of the 95 % interval.</param>
/// <param name="P">How likely the difference to the base is chance.</param>
/// <param name="Change">1 better than the base, -1 worse, 0 as good or not known to differ.</param>
public sealed record ScoreCell(double Value, double? HalfWidth = null, double? P = null, int Change = 0);
