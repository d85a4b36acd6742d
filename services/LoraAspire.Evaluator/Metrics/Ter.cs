namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// Translation edit rate (Snover et al., 2006): words put in, left out, put in another's place, and runs of words moved, for each word of
/// the reference; tercom's search for moves, with its limits, as sacrebleu has it. 0 is best; case doesn't count unless asked for.
/// </summary>
public sealed class Ter : CorpusMetric
{
    /// <summary>Punctuation is a word of its own, and markup's entities are read.</summary>
    public bool Normalized { get; init; }

    public bool NoPunctuation { get; init; }

    /// <summary>With <see cref="Normalized"/>, each CJK character is a word; with <see cref="NoPunctuation"/>, theirs goes too.</summary>
    public bool AsianSupport { get; init; }

    public bool CaseSensitive { get; init; }

    public override string Name => "TER";

    public override bool LowerIsBetter => true;

    protected override string Options => $"case:{(CaseSensitive ? "mixed" : "lc")}|tok:tercom|norm:{YesNo(Normalized)}"
        + $"|punct:{YesNo(!NoPunctuation)}|asian:{YesNo(AsianSupport)}";

    public override MetricScore Score(ReadOnlySpan<double> sums) =>
        new(Name, 100 * (sums[1] > 0 ? sums[0] / sums[1] : sums[0] > 0 ? 1 : 0));

    /// <summary>Edits against the reference that needs fewest, and the mean length of the references.</summary>
    protected override double[] Measure(string hypothesis, IReadOnlyList<string> references)
    {
        Dictionary<string, int> numbers = [];
        int[] Numbers(string text) => [.. TercomWords.Of(text, this).Select(word =>
            numbers.TryGetValue(word, out var number) ? number : numbers[word] = numbers.Count)];
        var words = Numbers(hypothesis);
        var (edits, lengths) = (int.MaxValue, 0);
        foreach (var reference in references.Select(Numbers))
        {
            edits = Math.Min(edits, ShiftSearch.Edits(words, reference));
            lengths += reference.Length;
        }
        return [edits, (double)lengths / references.Count];
    }

    private static string YesNo(bool flag) => flag ? "yes" : "no";
}
