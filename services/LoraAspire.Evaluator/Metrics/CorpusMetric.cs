using System.Globalization;

namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// A score that comes of sums over segments, as a pair of an answer and its references is called. A segment's numbers are computed once;
/// a corpus, a sentence and a resample differ only in which of them are summed.
/// </summary>
public abstract class CorpusMetric
{
    /// <summary>The sacrebleu whose numbers these are.</summary>
    public const string SacrebleuVersion = "2.6.0";

    /// <summary>As it stands before the number: "BLEU", "chrF2++".</summary>
    public abstract string Name { get; }

    /// <summary>A smaller number is better.</summary>
    public virtual bool LowerIsBetter => false;

    /// <summary>What a segment adds to the corpus: always as many numbers.</summary>
    /// <exception cref="ArgumentException">There is no reference.</exception>
    public double[] Statistics(string hypothesis, IReadOnlyList<string> references)
    {
        ArgumentNullException.ThrowIfNull(hypothesis);
        return references.Count > 0 && !references.Contains(null!) ? Measure(hypothesis, references)
            : throw new ArgumentException("A score needs at least one reference for each answer; an empty one is allowed.");
    }

    /// <summary>The score of summed statistics.</summary>
    public abstract MetricScore Score(ReadOnlySpan<double> sums);

    /// <param name="references">How many each segment has; null where that differs.</param>
    public string Signature(int? references) =>
        $"nrefs:{references?.ToString(CultureInfo.InvariantCulture) ?? "var"}|{Options}|version:{SacrebleuVersion}";

    /// <exception cref="ArgumentException">There are more or fewer lists of references than answers, or no answers.</exception>
    public SegmentStatistics Segments(IReadOnlyList<string> hypotheses, IReadOnlyList<IReadOnlyList<string>> references)
    {
        if (hypotheses.Count == 0 || hypotheses.Count != references.Count)
        {
            throw new ArgumentException($"{Name} of {hypotheses.Count} answers with references for {references.Count}.");
        }
        var rows = new double[hypotheses.Count][];
        Parallel.For(0, rows.Length, i => rows[i] = Statistics(hypotheses[i], references[i]));
        var counts = references.Select(one => one.Count).Distinct().ToList();
        return new(this, rows, Signature(counts is [var all] ? all : null));
    }

    /// <summary>What stands in a signature between the number of references and the version.</summary>
    protected abstract string Options { get; }

    protected abstract double[] Measure(string hypothesis, IReadOnlyList<string> references);
}

/// <summary>A corpus as a metric sees it.</summary>
/// <param name="Rows">A row of sums a segment.</param>
public sealed record SegmentStatistics(CorpusMetric Metric, IReadOnlyList<double[]> Rows, string Signature)
{
    public MetricScore Score()
    {
        var sums = new double[Rows[0].Length];
        foreach (var row in Rows)
        {
            for (var i = 0; i < sums.Length; i++)
            {
                sums[i] += row[i];
            }
        }
        return Metric.Score(sums);
    }
}

/// <param name="Value">0 to 100, and above for TER.</param>
public record MetricScore(string Name, double Value)
{
    /// <summary>As sacrebleu prints it.</summary>
    public string Text => $"{Name} = {PythonText.Fixed(Value, 2)}{Detail}";

    protected virtual string Detail => "";
}
