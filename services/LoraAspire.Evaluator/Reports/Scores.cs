using LoraAspire.Evaluator.Asking;
using LoraAspire.Evaluator.Metrics;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Evaluator.Reports;

/// <summary>The scores of answers to held-out records, of a model and its base.</summary>
internal static class Scores
{
    public static IEnumerable<ReportedScore> Of(IReadOnlyList<HeldOutRow> rows, IReadOnlyList<string> answers,
        IReadOnlyList<string>? baseAnswers, string tokenizer)
    {
        var references = rows.Select(row => row.References).ToList();
        return Metrics(BleuTokenizers.Of(tokenizer)).Select(one => Of(one.Name, one.Metric, references, answers, baseAnswers));
    }

    /// <summary>One score with its interval and, where there is a base, how likely the difference is chance.</summary>
    public static ReportedScore Of(string name, CorpusMetric metric, IReadOnlyList<IReadOnlyList<string>> references,
        IReadOnlyList<string> answers, IReadOnlyList<string>? baseAnswers)
    {
        var model = metric.Segments(answers, references);
        var before = baseAnswers is null ? null : metric.Segments(baseAnswers, references);
        Resampling resampling = new();
        var score = model.Score();
        return new(name, score.Value, before?.Score().Value, metric.LowerIsBetter)
        {
            Text = score.Text,
            Signature = model.Signature,
            HalfWidth = resampling.Confidence(model).HalfWidth,
            P = before is null ? null : resampling.PairedBootstrap(before, model).P,
        };
    }

    public static IEnumerable<ScoredAnswer> Rows(IReadOnlyList<HeldOutRow> rows, IReadOnlyList<string> answers,
        IReadOnlyList<string>? baseAnswers)
    {
        ChrF chrf = new();
        return rows.Select((row, i) => new ScoredAnswer(
            row.Input is null ? row.Question : $"{row.Question}\n{row.Input}", row.References[0], baseAnswers?[i], answers[i],
            chrf.Sentence(answers[i], row.References).Value,
            baseAnswers is null ? null : chrf.Sentence(baseAnswers[i], row.References).Value));
    }

    /// <summary>The scores with what is asked of them.</summary>
    public static IReadOnlyList<ReportedScore> With(ScoreRequirements? require, IEnumerable<ReportedScore> scores)
    {
        var asked = require?.Asked().ToDictionary(one => one.Score) ?? [];
        return [.. scores.Select(score => asked.TryGetValue(score.Name, out var one) ? score with { Required = one.Limit } : score)];
    }

    /// <summary>What isn't met, with the numbers; a score that wasn't measured isn't met.</summary>
    public static IReadOnlyList<string> Unmet(ScoreRequirements? require, IReadOnlyList<ReportedScore> scores) =>
    [
        .. from one in require?.Asked() ?? []
           let value = scores.FirstOrDefault(score => score.Name == one.Score)?.Value
           where value is null || !one.Met(value.Value)
           let measured = value is null ? "not measured" : FormattableString.Invariant($"{value:0.####}")
           select FormattableString.Invariant(
               $"{one.Score} is {measured}, {(one.AtMost ? "at most" : "at least")} {one.Limit:0.####} is required"),
    ];

    private static (string Name, CorpusMetric Metric)[] Metrics(BleuTokenizer tokenizer) =>
    [
        ("bleu", new Bleu { Tokenizer = tokenizer }), ("chrf", new ChrF()), ("chrf++", ChrF.PlusPlus), ("ter", new Ter()),
        ("rouge_l", new RougeL()), ("exact_match", new ExactMatch()),
        ("f1", new TokenF1 { SplitCharacters = tokenizer is BleuTokenizer.Zh or BleuTokenizer.Char }), ("accuracy", new Accuracy()),
    ];
}
