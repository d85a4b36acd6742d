using LoraAspire.Evaluator.Asking;
using LoraAspire.Evaluator.Metrics;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Reports;

/// <summary>The answers of a model, and of its base where there is one, to the same questions.</summary>
internal sealed record AnswerPair(IReadOnlyList<string> Model, IReadOnlyList<string>? Base)
{
    public AnswerPair Part(int start, int count) => new([.. Model.Skip(start).Take(count)], Base is null ? null
        : [.. Base.Skip(start).Take(count)]);

    public MeasuredPair Measured(CorpusMetric metric, IReadOnlyList<IReadOnlyList<string>> references) =>
        new(metric.Segments(Model, references), Base is null ? null : metric.Segments(Base, references));
}

/// <summary>What a metric counted in them, answer by answer.</summary>
internal sealed record MeasuredPair(SegmentStatistics Model, SegmentStatistics? Base);

/// <summary>The scores of answers to held-out records, of a model and its base.</summary>
internal static class Scores
{
    /// <param name="chrf">Of these answers.</param>
    public static IEnumerable<ReportedScore> Of(IReadOnlyList<HeldOutRow> rows, AnswerPair answers, MeasuredPair chrf, string tokenizer)
    {
        var references = rows.Select(row => row.References).ToList();
        return Metrics(BleuTokenizers.Of(tokenizer)).Select(one =>
            Of(one.Name, one.Metric is null ? chrf : answers.Measured(one.Metric, references)));
    }

    /// <summary>One score with its interval and, where there is a base, how likely the difference is chance.</summary>
    public static ReportedScore Of(string name, MeasuredPair measured)
    {
        var (model, before) = measured;
        Resampling resampling = new();
        var score = model.Score();
        var compared = before is null ? null : resampling.PairedBootstrap(before, model);
        return new(name, score.Value, compared?.Baseline, model.Metric.LowerIsBetter)
        {
            Text = score.Text,
            Signature = model.Signature,
            HalfWidth = (compared?.Interval ?? resampling.Confidence(model)).HalfWidth,
            P = compared?.P,
        };
    }

    /// <param name="chrf">Of these answers.</param>
    public static IEnumerable<ScoredAnswer> Rows(IReadOnlyList<HeldOutRow> rows, AnswerPair answers, MeasuredPair chrf)
    {
        static double Score(SegmentStatistics all, int row) => all.Metric.Score(all.Rows[row]).Value;
        return rows.Select((row, i) => new ScoredAnswer(
            row.Input is null ? row.Question : $"{row.Question}\n{row.Input}", row.References[0], answers.Base?[i], answers.Model[i],
            Score(chrf.Model, i), chrf.Base is null ? null : Score(chrf.Base, i)));
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
