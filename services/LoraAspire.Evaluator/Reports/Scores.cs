using LoraAspire.Evaluator.Asking;
using LoraAspire.Evaluator.Metrics;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Reports;

/// <summary>The scores of answers, of a model, its base and candidates.</summary>
internal static class Scores
{
    /// <param name="chrf">Of these answers.</param>
    public static IEnumerable<ReportedScore> Of(IReadOnlyList<HeldOutRow> rows, AnswerSet answers, MeasuredSet chrf, string tokenizer)
    {
        var references = rows.Select(row => row.References).ToList();
        return Metrics(BleuTokenizers.Of(tokenizer)).Select(one =>
            Of(one.Name, one.Metric is null ? chrf : answers.Measured(one.Metric, references)));
    }

    /// <summary>
    /// One score with its interval and, where there is a base, how likely the difference is chance; candidates against base and model.
    /// </summary>
    public static ReportedScore Of(string name, MeasuredSet measured)
    {
        Resampling resampling = new();
        var (model, before) = (resampling.Drawn(measured.Model), measured.Base is null ? null : resampling.Drawn(measured.Base));
        var score = measured.Model.Score();
        var compared = before is null ? null : Resampling.PairedBootstrap(before, model);
        return new(name, score.Value, compared?.Baseline, measured.Model.Metric.LowerIsBetter)
        {
            Text = score.Text,
            Signature = measured.Model.Signature,
            HalfWidth = model.Interval.HalfWidth,
            P = compared is null ? null : Chance(compared),
            Candidates = measured.Candidates.SelectOrNull(candidate =>
            {
                var drawn = resampling.Drawn(candidate);
                var withModel = Resampling.PairedBootstrap(model, drawn);
                return new CandidateScore(withModel.System, drawn.Interval.HalfWidth,
                    before is null ? null : Chance(Resampling.PairedBootstrap(before, drawn)), Chance(withModel));
            }),
        };
    }

    /// <summary>Where there is no difference, none as large can be surprising; sacrebleu's formula gives such a one its least p.</summary>
    private static double Chance(Comparison compared) => compared.Baseline == compared.System ? 1 : compared.P;

    /// <summary>A share of right answers, 0 to 1.</summary>
    /// <param name="right">Of each model, question by question.</param>
    public static ReportedScore Share(string name, AnswerSet right)
    {
        var percent = Of(name, right.Measured(new Accuracy(), [.. right.Model.Select(_ => (IReadOnlyList<string>)[Right(null)])]));
        static double? Part(double? value) => value / 100;
        return percent with
        {
            Value = percent.Value / 100,
            Base = Part(percent.Base),
            HalfWidth = Part(percent.HalfWidth),
            Text = null,
            Signature = null,
            Candidates = percent.Candidates?.Select(one => one with { Value = one.Value / 100, HalfWidth = Part(one.HalfWidth) }).ToList(),
        };
    }

    /// <summary>What <see cref="Share"/> counts.</summary>
    public static string Right(string? wrong) => wrong is null ? "right" : "wrong";

    /// <param name="chrf">Of these answers.</param>
    public static IEnumerable<ScoredAnswer> Rows(IReadOnlyList<HeldOutRow> rows, AnswerSet answers, MeasuredSet chrf)
    {
        static double Score(SegmentStatistics all, int row) => all.Metric.Score(all.Rows[row]).Value;
        return rows.Select((row, i) => new ScoredAnswer(
            row.Input is null ? row.Question : $"{row.Question}\n{row.Input}", row.References[0], answers.Base?[i], answers.Model[i],
            Score(chrf.Model, i), chrf.Base is null ? null : Score(chrf.Base, i))
        {
            Candidates = answers.Candidates.Zip(chrf.Candidates).ToList()
                .SelectOrNull(own => new CandidateAnswer(own.First[i], Score(own.Second, i))),
        });
    }

    /// <summary>The scores with what is asked of them.</summary>
    public static IReadOnlyList<ReportedScore> With(ScoreRequirements? require, IEnumerable<ReportedScore> scores)
    {
        var asked = require?.Asked().ToDictionary(one => one.Score) ?? [];
        return [.. scores.Select(score => asked.TryGetValue(score.Name, out var one) ? score with { Required = one.Limit } : score)];
    }

    /// <summary>What isn't met, with the numbers; a score that wasn't measured isn't met.</summary>
    public static IReadOnlyList<(string Score, string Words)> Unmet(ScoreRequirements? require, IReadOnlyList<ReportedScore> scores) =>
    [
        .. from one in require?.Asked() ?? []
           let value = scores.FirstOrDefault(score => score.Name == one.Score)?.Value
           where value is null || !one.Met(value.Value)
           let measured = value is null ? "not measured" : FormattableString.Invariant($"{value:0.####}")
           select (one.Score, FormattableString.Invariant(
               $"{one.Score} is {measured}, {(one.AtMost ? "at most" : "at least")} {one.Limit:0.####} is required")),
    ];

    /// <summary>In the report's order; chrF is there already.</summary>
    private static (string Name, CorpusMetric? Metric)[] Metrics(BleuTokenizer tokenizer) =>
    [
        ("bleu", new Bleu { Tokenizer = tokenizer }), ("chrf", null), ("chrf++", ChrF.PlusPlus), ("ter", new Ter()),
        ("rouge_l", new RougeL()), ("exact_match", new ExactMatch()),
        ("f1", new TokenF1 { SplitCharacters = tokenizer is BleuTokenizer.Zh or BleuTokenizer.Char }), ("accuracy", new Accuracy()),
    ];
}
