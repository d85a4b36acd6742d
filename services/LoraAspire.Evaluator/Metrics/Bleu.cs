using System.Runtime.InteropServices;

namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// What stands for the precision of an order without a match (Chen and Cherry, 2014, "A systematic comparison of smoothing").
/// </summary>
public enum BleuSmoothing
{
    /// <summary>Nothing: the score is 0, but for a rounding error.</summary>
    None,

    /// <summary>A small count; 0.1 where no other is given.</summary>
    Floor,

    /// <summary>So many more matches and grams in each order above the first; 1 where no other is given.</summary>
    AddK,

    /// <summary>Half a match in the first such order, a quarter in the next: mteval's.</summary>
    Exp,
}

/// <summary>BLEU (Papineni et al., 2002), with sacrebleu's defaults.</summary>
public sealed class Bleu : CorpusMetric
{
    public BleuTokenizer Tokenizer { get; init; } = BleuTokenizer.Mteval13a;
    public bool Lowercase { get; init; }
    public BleuSmoothing Smoothing { get; init; } = BleuSmoothing.Exp;

    /// <summary>For <see cref="BleuSmoothing.Floor"/> and <see cref="BleuSmoothing.AddK"/>; null for the paper's.</summary>
    public double? SmoothingValue { get; init; }

    /// <summary>Orders longer than the answer don't count: for scores of single sentences.</summary>
    public bool EffectiveOrder { get; init; }

    public int MaxOrder { get; init; } = 4;

    public override string Name => "BLEU";

    protected override string Options => $"case:{(Lowercase ? "lc" : "mixed")}|eff:{(EffectiveOrder ? "yes" : "no")}"
        + $"|tok:{Tokenizer.Name()}|smooth:{SmoothingName}";

    private double Added => SmoothingValue ?? (Smoothing == BleuSmoothing.Floor ? 0.1 : 1);

    private string SmoothingName => Smoothing switch
    {
        BleuSmoothing.Floor => $"floor[{PythonText.Fixed(Added, 2)}]",
        BleuSmoothing.AddK => $"add-k[{PythonText.Fixed(Added, 2)}]",
        BleuSmoothing.Exp => "exp",
        _ => "none",
    };

    public override BleuScore Score(ReadOnlySpan<double> sums)
    {
        var (length, referenceLength) = ((int)sums[0], (int)sums[1]);
        var (matches, grams) = (sums.Slice(2, MaxOrder).ToArray(), sums.Slice(2 + MaxOrder, MaxOrder).ToArray());
        var brevity = length >= referenceLength ? 1 : length > 0 ? Math.Exp(1 - (double)referenceLength / length) : 0;
        var precisions = new double[MaxOrder];
        var score = 0.0;
        if (matches.Any(count => count != 0))
        {
            var orders = Smooth(matches, grams, precisions);
            var logs = 0.0;
            foreach (var precision in precisions.AsSpan(0, orders))
            {
                logs += precision == 0 ? -9999999999 : Math.Log(precision);
            }
            score = brevity * Math.Exp(logs / orders);
        }
        return new(score, precisions, brevity, length, referenceLength);
    }

    /// <summary>The length and the closest reference's, the shorter of two as close; then matches and grams of each order.</summary>
    protected override double[] Measure(string hypothesis, IReadOnlyList<string> references)
    {
        GramNumbers<string> numbers = new();
        var words = Words(hypothesis);
        var counts = numbers.Count(words, MaxOrder);
        var most = Enumerable.Range(0, MaxOrder).Select(_ => new Dictionary<int, int>()).ToArray();
        var closest = -1;
        foreach (var reference in references.Select(Words))
        {
            var (far, best) = (Math.Abs(reference.Count - words.Count), Math.Abs(closest - words.Count));
            closest = closest < 0 || far < best || far == best && reference.Count < closest ? reference.Count : closest;
            foreach (var (order, grams) in numbers.Count(reference, MaxOrder).Index())
            {
                foreach (var (gram, count) in grams)
                {
                    ref var seen = ref CollectionsMarshal.GetValueRefOrAddDefault(most[order], gram, out _);
                    seen = Math.Max(seen, count);
                }
            }
        }
        var row = new double[2 + 2 * MaxOrder];
        (row[0], row[1]) = (words.Count, closest);
        for (var n = 0; n < MaxOrder; n++)
        {
            row[2 + n] = GramNumbers<string>.Matches(counts[n], most[n]);
            row[2 + MaxOrder + n] = Math.Max(0, words.Count - n);
        }
        return row;
    }

    /// <summary>Fills the precisions, in percent; returns how many orders count.</summary>
    private int Smooth(double[] matches, double[] grams, double[] precisions)
    {
        var (orders, share) = (MaxOrder, 1.0);
        for (var n = 0; n < MaxOrder; n++)
        {
            if (Smoothing == BleuSmoothing.AddK && n > 0)
            {
                matches[n] += Added;
                grams[n] += Added;
            }
            if (grams[n] == 0)
            {
                break;
            }
            orders = EffectiveOrder ? n + 1 : orders;
            if (matches[n] != 0)
            {
                precisions[n] = 100 * matches[n] / grams[n];
            }
            else if (Smoothing == BleuSmoothing.Exp)
            {
                share *= 2;
                precisions[n] = 100 / (share * grams[n]);
            }
            else if (Smoothing == BleuSmoothing.Floor)
            {
                precisions[n] = 100 * Added / grams[n];
            }
        }
        return orders;
    }

    private List<string> Words(string text) => Tokenizer.Words(Lowercase ? PythonText.Lower(text) : text);
}

/// <param name="Precisions">Of each order, in percent.</param>
/// <param name="BrevityPenalty">1 where the answers aren't shorter than the references.</param>
/// <param name="Length">Words of the answers.</param>
/// <param name="ReferenceLength">Words of the references that are closest in length.</param>
public sealed record BleuScore(double Value, IReadOnlyList<double> Precisions, double BrevityPenalty, int Length, int ReferenceLength)
    : MetricScore("BLEU", Value)
{
    protected override string Detail
    {
        get
        {
            var precisions = string.Join('/', Precisions.Select(precision => PythonText.Fixed(precision, 1)));
            var ratio = ReferenceLength == 0 ? 0 : (double)Length / ReferenceLength;
            return $" {precisions} (BP = {PythonText.Fixed(BrevityPenalty, 3)} ratio = {PythonText.Fixed(ratio, 3)} "
                + $"hyp_len = {Length} ref_len = {ReferenceLength})";
        }
    }
}
