using System.Numerics.Tensors;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation;

/// <summary>Log probabilities: the log-softmax of a network's own logits, whatever is done to them before a token is drawn.</summary>
internal static class Logprobs
{
    /// <param name="logits">[vocab_size]</param>
    /// <param name="top">How many of the most probable tokens are told beside it.</param>
    public static TokenLogprob Of(int id, ReadOnlySpan<float> logits, int top, HfTokenizer tokenizer)
    {
        var all = Log(logits);
        var best = new List<TokenLogprob>();
        foreach (var other in Largest(logits, Math.Min(top, logits.Length)))
        {
            best.Add(new(other, Bytes(tokenizer, other), logits[other] - all, []));
        }
        return new(id, Bytes(tokenizer, id), logits[id] - all, best);
    }

    /// <summary>log Σ exp(logit)</summary>
    private static double Log(ReadOnlySpan<float> logits)
    {
        var max = TensorPrimitives.Max(logits);
        var sum = 0.0;
        foreach (var logit in logits)
        {
            sum += Math.Exp(logit - max);
        }
        return max + Math.Log(sum);
    }

    /// <summary>Ids of the largest, best first. One pass, with the few that lead kept in order.</summary>
    private static List<int> Largest(ReadOnlySpan<float> logits, int count)
    {
        List<int> lead = new(count + 1);
        for (var id = 0; count > 0 && id < logits.Length; id++)
        {
            if (lead.Count == count && logits[id] <= logits[lead[^1]])
            {
                continue;
            }
            var at = lead.Count;
            while (at > 0 && logits[id] > logits[lead[at - 1]])
            {
                at--;
            }
            lead.Insert(at, id);
            if (lead.Count > count)
            {
                lead.RemoveAt(count);
            }
        }
        return lead;
    }

    private static byte[] Bytes(HfTokenizer tokenizer, int id) => tokenizer.Knows(id) ? tokenizer.Bytes(id) : [];
}
