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
            Keep(weights, draw.TopK, _ => 1, buffers);
        }
        if (draw.TopP < 1)
        {
            Keep(weights, draw.TopP * Sum(weights), weight => weight, buffers);
        }
        var least = draw.MinP;
        var total = 0.0;
        foreach (ref var weight in weights)
        {
            weight = weight < least ? 0 : weight;
            total += weight;
        }
        var at = draw.Uniform * total;
        var last = best; // where rounding leaves a hair over
        for (var id = 0; id < weights.Length; id++)
        {
            if (weights[id] > 0)
            {
                at -= weights[id];
                last = id;
                if (at < 0)
                {
                    break;
                }
            }
        }
        return last;
    }

    /// <summary>
    /// Keeps the fewest of the largest weights whose sizes reach the goal, at least one, and makes the others 0: a quickselect that goes on
    /// in the part where the goal lies.
    /// </summary>
    private static void Keep(Span<float> weights, double goal, Func<float, double> size, SamplingBuffers buffers)
    {
        var keys = buffers.Keys(weights.Length);
        var count = 0;
        for (var id = 0; id < weights.Length; id++)
        {
            if (weights[id] > 0)
            {
                keys[count++] = Key(weights[id], id);
            }
        }
        var last = Last(keys[..count], goal, size);
        for (var id = 0; id < weights.Length; id++)
        {
            weights[id] = weights[id] > 0 && Key(weights[id], id) > last ? 0 : weights[id];
        }
    }

    /// <summary>The key of the last weight that is kept.</summary>
    private static ulong Last(Span<ulong> keys, double goal, Func<float, double> size)
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
                    reached += size(Weight(keys[i]));
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
            goal -= reached + size(Weight(pivot));
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
