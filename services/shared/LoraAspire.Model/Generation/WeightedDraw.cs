using System.Numerics.Tensors;
using LoraAspire.Model.Generation.Batching;

namespace LoraAspire.Model.Generation;

/// <summary>
/// Temperature, top-k, top-p, min-p, then the inverse of the cumulated probabilities in the order of the ids. What is left out is found by
/// partial selection: it takes a time proportional to the vocabulary, and sorts nothing.
/// </summary>
internal static class WeightedDraw
{
    /// <param name="best">The id of the largest logit.</param>
    public static int Next(ReadOnlySpan<float> logits, int best, TokenDraw draw, SamplingBuffers buffers)
    {
        var weights = buffers.Weights(logits.Length); // softmax without its denominator; the largest is 1
        TensorPrimitives.Subtract(logits, logits[best], weights);
        TensorPrimitives.Multiply(weights, (float)(1 / draw.Temperature), weights);
        TensorPrimitives.Exp(weights, weights);
        if (draw.TopK > 0 && draw.TopK < weights.Length)
        {
            Keep(weights, draw.TopK, counted: true, buffers);
        }
        if (draw.TopP < 1)
        {
            Keep(weights, draw.TopP * Sum(weights), counted: false, buffers);
        }
        if (draw.MinP > 0)
        {
            foreach (ref var weight in weights)
            {
                weight = weight < draw.MinP ? 0 : weight;
            }
        }
        var at = draw.Uniform * Sum(weights);
        var last = best; // where rounding leaves a hair over
        for (var id = 0; id < weights.Length; id++)
        {
            at -= weights[id];
            last = weights[id] > 0 ? id : last;
            if (at < 0)
            {
                break;
            }
        }
        return last;
    }

    /// <summary>
    /// Keeps the fewest of the largest weights that reach the goal, at least one, and makes the others 0. One pass sorts them into buckets
    /// by their leading bits, so that only the bucket where the goal lies is looked at closely.
    /// </summary>
    /// <param name="counted">Each counts 1; otherwise its weight.</param>
    private static void Keep(Span<float> weights, double goal, bool counted, SamplingBuffers buffers)
    {
        var buckets = buffers.Buckets;
        buckets.Clear();
        foreach (var weight in weights)
        {
            buckets[Bucket(weight)] += counted ? 1 : weight;
        }
        var bucket = buckets.Length - 1;
        for (; bucket > 0 && buckets[bucket] < goal; bucket--)
        {
            goal -= buckets[bucket];
        }
        var keys = buffers.Keys(weights.Length);
        var count = 0;
        for (var id = 0; id < weights.Length; id++)
        {
            if (Bucket(weights[id]) == bucket)
            {
                keys[count++] = Key(weights[id], id);
            }
        }
        var last = Last(keys[..count], goal, counted);
        for (var id = 0; id < weights.Length; id++)
        {
            weights[id] = Key(weights[id], id) > last ? 0 : weights[id];
        }
    }

    /// <summary>The key of the last weight that is kept: a quickselect that goes on in the part where the goal lies.</summary>
    private static ulong Last(Span<ulong> keys, double goal, bool counted)
    {
        var last = ulong.MaxValue;
        while (keys.Length > 0)
        {
            var middle = Middle(keys);
            (keys[middle], keys[^1]) = (keys[^1], keys[middle]);
            var pivot = keys[^1];
            var (less, reached) = (0, 0.0);
            for (var i = 0; i < keys.Length - 1; i++)
            {
                if (keys[i] < pivot)
                {
                    reached += counted ? 1 : Weight(keys[i]);
                    (keys[less], keys[i]) = (keys[i], keys[less]);
                    less++;
                }
            }
            if (reached >= goal)
            {
                last = pivot;
                keys = keys[..less];
                continue;
            }
            goal -= reached + (counted ? 1 : Weight(pivot));
            if (goal <= 0)
            {
                return pivot;
            }
            keys = keys[less..^1];
        }
        return last;
    }

    /// <summary>Where the middle one of the first, the middle and the last key stands.</summary>
    private static int Middle(ReadOnlySpan<ulong> keys)
    {
        var (a, b, c) = (0, keys.Length / 2, keys.Length - 1);
        (a, b) = keys[a] < keys[b] ? (a, b) : (b, a);
        return keys[c] < keys[a] ? a : keys[c] < keys[b] ? c : b;
    }

    /// <summary>Exponent and three bits of the mantissa: larger weights have larger ones, and 1 the largest.</summary>
    private static int Bucket(float weight) => (int)(BitConverter.SingleToUInt32Bits(weight) >> 20);

    /// <summary>Ascending keys are descending weights, and ascending ids where these are equal.</summary>
    private static ulong Key(float weight, int id) => ((ulong)~BitConverter.SingleToUInt32Bits(weight) << 32) | (uint)id;

    private static float Weight(ulong key) => BitConverter.UInt32BitsToSingle(~(uint)(key >> 32));

    private static double Sum(ReadOnlySpan<float> values)
    {
        var sum = 0.0;
        foreach (var value in values)
        {
            sum += value;
        }
        return sum;
    }
}
