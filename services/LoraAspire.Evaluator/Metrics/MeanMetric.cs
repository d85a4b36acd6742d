namespace LoraAspire.Evaluator.Metrics;

/// <summary>A score that is the mean over segments, each with the reference that it comes closest to; in percent.</summary>
public abstract class MeanMetric : CorpusMetric
{
    public override MetricScore Score(ReadOnlySpan<double> sums) => new(Name, 100 * sums[0] / sums[1]);

    protected override double[] Measure(string hypothesis, IReadOnlyList<string> references) =>
        [references.Max(reference => Agreement(hypothesis, reference)), 1];

    /// <summary>From 0 to 1.</summary>
    protected abstract double Agreement(string hypothesis, string reference);
}

/// <summary>
/// ROUGE-L of Lin (2004) on whole texts: the F-score, precision and recall as heavy, of the longest common subsequence of words. Words are
/// runs of letters and digits in lower case, without stemming; of scripts that write no spaces each character is one. (rouge_score's words
/// are those of ASCII alone: on such texts the numbers are the same.)
/// </summary>
public sealed class RougeL : MeanMetric
{
    public override string Name => "ROUGE-L";

    protected override string Options => "f:1|stem:no|tok:words";

    protected override double Agreement(string hypothesis, string reference)
    {
        var (mine, other) = (PlainWords.Of(hypothesis), PlainWords.Of(reference));
        return FScore(CommonSubsequence.Length(mine, other), mine.Count, other.Count);
    }

    internal static double FScore(int both, int mine, int other) => both == 0 ? 0 : 2.0 * both / (mine + other);
}

/// <summary>The share of answers that are a reference, after SQuAD's normalisation.</summary>
public sealed class ExactMatch : MeanMetric
{
    public override string Name => "EM";

    protected override string Options => "norm:squad";

    protected override double Agreement(string hypothesis, string reference) =>
        Squad.Words(hypothesis).SequenceEqual(Squad.Words(reference)) ? 1 : 0;
}

/// <summary>
/// SQuAD's F1 (Rajpurkar et al., 2016) of the words that answer and reference share; two empty texts agree, as in its version 2.
/// </summary>
public sealed class TokenF1 : MeanMetric
{
    /// <summary>Each character of a script that writes no spaces is a word, as CMRC 2018 counts; SQuAD's own F1 has none of that.</summary>
    public bool SplitCharacters { get; init; }

    public override string Name => "F1";

    protected override string Options => $"norm:squad|cjk:{(SplitCharacters ? "yes" : "no")}";

    protected override double Agreement(string hypothesis, string reference)
    {
        var (mine, other) = (Words(hypothesis), Words(reference));
        if (mine.Count == 0 || other.Count == 0)
        {
            return mine.Count == other.Count ? 1 : 0;
        }
        var left = other.CountBy(word => word).ToDictionary();
        var both = mine.CountBy(word => word).Sum(word => Math.Min(word.Value, left.GetValueOrDefault(word.Key)));
        return RougeL.FScore(both, mine.Count, other.Count);
    }

    private List<string> Words(string text) =>
        SplitCharacters ? [.. Squad.Words(text).SelectMany(PlainWords.Split)] : Squad.Words(text);
}

/// <summary>
/// The share of right labels. A label is compared without its case, width (NFKC), surrounding white space, quotes and punctuation.
/// </summary>
public sealed class Accuracy : MeanMetric
{
    public override string Name => "accuracy";

    protected override string Options => "norm:label";

    protected override double Agreement(string hypothesis, string reference) => PlainWords.Label(hypothesis) == PlainWords.Label(reference)
        ? 1 : 0;
}
