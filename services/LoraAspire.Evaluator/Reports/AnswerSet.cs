using LoraAspire.Evaluator.Metrics;

namespace LoraAspire.Evaluator.Reports;

/// <summary>The answers of a model, of its base where there is one, and of candidates, to the same questions.</summary>
internal sealed record AnswerSet(IReadOnlyList<string> Model, IReadOnlyList<string>? Base, IReadOnlyList<IReadOnlyList<string>> Candidates)
{
    /// <param name="models">Base, where there is one, model, candidates.</param>
    public static AnswerSet Of(IReadOnlyList<IReadOnlyList<string>> models, bool hasBase) => hasBase
        ? new(models[1], models[0], [.. models.Skip(2)]) : new(models[0], null, [.. models.Skip(1)]);

    public AnswerSet Part(int start, int count) => Each(answers => [.. answers.Skip(start).Take(count)]);

    public AnswerSet Each(Func<IReadOnlyList<string>, IReadOnlyList<string>> change) =>
        new(change(Model), Base is null ? null : change(Base), [.. Candidates.Select(change)]);

    public MeasuredSet Measured(CorpusMetric metric, IReadOnlyList<IReadOnlyList<string>> references) =>
        new(metric.Segments(Model, references), Base is null ? null : metric.Segments(Base, references),
            [.. Candidates.Select(answers => metric.Segments(answers, references))]);
}

internal static class ReportedLists
{
    /// <summary>As a report has a list of candidates: null where there are none.</summary>
    public static IReadOnlyList<TReported>? SelectOrNull<T, TReported>(this IReadOnlyList<T> candidates, Func<T, TReported> reported) =>
        candidates.Count == 0 ? null : [.. candidates.Select(reported)];
}

/// <summary>What a metric counted in them, answer by answer.</summary>
internal sealed record MeasuredSet(SegmentStatistics Model, SegmentStatistics? Base, IReadOnlyList<SegmentStatistics> Candidates);
