namespace LoraAspire.Model.Generation;

/// <summary>Draws the next token from logits. Order as in transformers: repetition penalty, temperature, top-k, top-p.</summary>
internal sealed class TokenSampler(GenerationOptions options)
{
    private const double GreedyBelow = 1e-5;
    private readonly Random _random = options.Seed is { } seed ? new Random(seed) : new Random();

    /// <summary>The next token's id. <paramref name="logits"/> [vocab] is changed.</summary>
    /// <param name="seen">Ids that the repetition penalty weighs: prompt and answer so far, each once.</param>
    public int Next(Span<float> logits, IReadOnlyCollection<int> seen)
    {
        if (options.RepetitionPenalty != 1)
        {
            foreach (var id in seen)
            {
                logits[id] = (float)(logits[id] < 0 ? logits[id] * options.RepetitionPenalty : logits[id] / options.RepetitionPenalty);
            }
        }
        return options.Temperature < GreedyBelow ? ArgMax(logits) : Draw(logits);
    }

    private static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var id = 1; id < logits.Length; id++)
        {
            if (logits[id] > logits[best])
            {
                best = id;
            }
        }
        return best;
    }

    private int Draw(ReadOnlySpan<float> logits)
    {
        var weights = new double[logits.Length]; // softmax without its denominator
        double max = logits[ArgMax(logits)];
        for (var id = 0; id < weights.Length; id++)
        {
            weights[id] = Math.Exp((logits[id] - max) / options.Temperature);
        }
        var ids = new int[weights.Length];
        for (var id = 0; id < ids.Length; id++)
        {
            ids[id] = id;
        }
        var kept = ids.Length;
        if (options.TopK > 0 || options.TopP < 1)
        {
            Array.Sort(weights, ids, Comparer<double>.Create((x, y) => y.CompareTo(x)));
            kept = options.TopK > 0 ? Math.Min(options.TopK, kept) : kept;
            kept = options.TopP < 1 ? Nucleus(weights.AsSpan(0, kept)) : kept;
        }
        var at = _random.NextDouble() * Sum(weights.AsSpan(0, kept));
        for (var i = 0; i < kept; i++)
        {
            at -= weights[i];
            if (at < 0)
            {
                return ids[i];
            }
        }
        return ids[kept - 1]; // rounding left a hair over
    }

    /// <summary>How many of the sorted weights it takes to reach top-p of their sum; at least one.</summary>
    private int Nucleus(ReadOnlySpan<double> sorted)
    {
        double goal = options.TopP * Sum(sorted), reached = 0;
        for (var i = 0; i < sorted.Length; i++)
        {
            reached += sorted[i];
            if (reached >= goal)
            {
                return i + 1;
            }
        }
        return sorted.Length;
    }

    private static double Sum(ReadOnlySpan<double> values)
    {
        double sum = 0;
        foreach (var value in values)
        {
            sum += value;
        }
        return sum;
    }
}
