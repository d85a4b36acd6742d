using System.Globalization;
using LoraAspire.Lab.Languages;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Lab.ResultPages;

/// <summary>
/// A report as tables, whatever the number of models in it: the base where there is one, the tuned model, the candidates.
/// </summary>
public sealed record ReportView(ScoreTable Scores, IReadOnlyList<PlainTable> Tables, IReadOnlyList<AnswerGroup> Groups)
{
    public static ReportView Of(AnswersReport report) => new(
        ScoreTable.Of(report),
        [.. new[] { Subjects(report), Judged(report) }.OfType<PlainTable>()],
        [.. new[] { Questions(report), ByJudge(report), HeldOut(report), Identity(report), Ordinary(report) }.OfType<AnswerGroup>()]);

    /// <summary>The models of a part of the report in their order.</summary>
    internal static IReadOnlyList<string> Columns(bool withBase, IEnumerable<string> candidates) =>
        [.. withBase ? [Words.Of("Base"), Words.Of("Tuned")] : new[] { Words.Of("Model") }, .. candidates];

    private static AnswerGroup? Questions(AnswersReport report) => AnswerGroup.Of(Words.Of("Answers"),
        Words.Of("each question asked by itself, greedy decoding"), report.Candidates, report.Questions,
        row => new(row.Question, row.Base is { } before ? new(before) : null, new(row.Model),
            row.Candidates?.Select(text => new AnswerCell(text))));

    private static AnswerGroup? HeldOut(AnswersReport report) => Scored(Words.Of("Held-out records"),
        Words.Of("asked as the data asks; the number is chrF against the right answer"), report, report.HeldOut);

    private static AnswerGroup? Ordinary(AnswersReport report) => Scored(Words.Of("Ordinary questions"),
        Words.Of("does it still answer as the base did? The number is chrF against the base's answer"), report, report.Ordinary);

    private static AnswerGroup? Scored(string title, string note, AnswersReport report, IReadOnlyList<ScoredAnswer> answers) =>
        AnswerGroup.Of(title, note, report.Candidates, answers.OrderBy(answer => answer.Chrf), row =>
            new(row.Question, row.Base is { } before ? new(before, row.BaseChrf) : null, new(row.Model, row.Chrf),
                row.Candidates?.Select(one => new AnswerCell(one.Answer, one.Chrf)))
            { Reference = row.Reference }) is { } group ? group with { FromWorst = true } : null;

    private static AnswerGroup? Identity(AnswersReport report) => AnswerGroup.Of(Words.Of("Who it says it is"),
        Words.Of("questions about itself in words that training didn't hold"), report.Candidates,
        report.Identity.OrderBy(answer => answer.Wrong is null), row => new(row.Question, null, Told(row.Answer, row.Wrong),
            row.Candidates?.Select(one => Told(one.Answer, one.Wrong))));

    private static AnswerCell Told(string answer, string? wrong) =>
        new(answer) { Verdict = wrong ?? Words.Of("right"), Tone = wrong is null ? Tone.Good : Tone.Bad };

    private static AnswerGroup? ByJudge(AnswersReport report) => report.Judge is not { Questions.Count: > 0 } judge ? null
        : new(Words.Of("What the judge said"), Words.Of("of each answer, by {0}", judge.Model),
            [.. judge.Models.Select(model => model.Name)],
            [.. judge.Questions.Select(row => new AnswerLine(row.Question, [.. row.Answers.Select(Judged)]))]);

    private static AnswerCell Judged(JudgedAnswer answer) => new(answer.Answer)
    {
        Verdict = (answer.Rating is { } rating ? Words.Of("{0} of 5", rating) : null, Said(answer.Outcome)) switch
        {
            ({ } points, { } outcome) => $"{points} · {outcome}",
            (var points, var outcome) => points ?? outcome,
        },
        Tone = answer.Outcome switch { PairOutcome.Win => Tone.Good, PairOutcome.Loss => Tone.Bad, _ => Tone.Plain },
        Reasons = [.. new[] { answer.Reason }.Concat(answer.Reasons ?? []).OfType<string>()],
    };

    private static string? Said(PairOutcome? outcome) => outcome switch
    {
        PairOutcome.Win => Words.Of("win"),
        PairOutcome.Loss => Words.Of("lost"),
        PairOutcome.Tie => Words.Of("tie"),
        _ => null,
    };

    private static PlainTable? Judged(AnswersReport report) => report.Judge is not { } judge ? null
        : new(Words.Of("Judged by {0}", judge.Model),
            [Words.Of("Model"), Words.Of("Mean of 1 to 5"), Words.Of("Wins against the base"), Words.Of("Ties"), Words.Of("Losses")],
            [.. judge.Models.Select(model => (IReadOnlyList<string>)
                [model.Name, Figure(model.Rating), Whole(model.Wins), Whole(model.Ties), Whole(model.Losses)])]);

    private static PlainTable? Subjects(AnswersReport report)
    {
        var withBase = report.Subjects.Any(subject => subject.Base is not null);
        return report.Subjects.Count == 0 ? null
            : new(Words.Of("Multiple choice by subject, percent right"),
                [Words.Of("Subject"), Words.Of("Questions"), .. Columns(withBase, report.Candidates)],
                [.. report.Subjects.Select(row => (IReadOnlyList<string>)[row.Subject, Whole(row.Questions),
                    .. withBase ? [Figure(row.Base)] : Array.Empty<string>(), Figure(row.Value),
                    .. report.Candidates.Select((_, at) => Figure(row.Candidates?.ElementAtOrDefault(at)))])]);
    }

    /// <summary>With as many digits as tell something; a dash for none.</summary>
    public static string Figure(double? value) =>
        value?.ToString(Math.Abs(value.Value) < 10 ? "0.####" : "0.00", CultureInfo.InvariantCulture) ?? "–";

    private static string Whole(int count) => count.ToString(CultureInfo.InvariantCulture);
}

/// <summary>Names and figures.</summary>
public sealed record PlainTable(string Title, IReadOnlyList<string> Columns, IReadOnlyList<IReadOnlyList<string>> Rows);
