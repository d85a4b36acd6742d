using System.Numerics.Tensors;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Constraints;

namespace LoraAspire.Model.Generation;

/// <summary>
/// Draws the tokens of one answer. Logit bias, the penalties (repetition as in transformers, frequency and presence as OpenAI's), the
/// constraint; then temperature, top-k, top-p, min-p. Of equal logits the smaller id counts as the larger.
/// </summary>
/// <param name="prompt">Its ids, which the repetition penalty weighs too.</param>
internal sealed class TokenSampler(GenerationOptions options, ulong seed, int choice = 0, IEnumerable<int>? prompt = null)
{
    private readonly Dictionary<int, int> _counts = []; // of the answer
    private readonly HashSet<int>? _seen = options.RepetitionPenalty == 1 ? null : [.. prompt ?? []];
    private readonly TokenConstraint? _constraint = options.Constraint?.Invoke();

    private bool HasPenalties => _seen is not null || options.FrequencyPenalty != 0 || options.PresencePenalty != 0;

    /// <summary>Whether the logits have to be seen here: they are changed by more than a temperature, or told.</summary>
    public bool NeedsLogits => HasPenalties || _constraint is not null || options.LogitBias.Count > 0 || options.TopLogprobs is not null;

    /// <summary>The constraint's text is whole.</summary>
    public bool IsComplete => _constraint is { IsComplete: true };

    /// <summary>How an executor may draw the token at this place of the answer.</summary>
    public TokenDraw Draw(int place) =>
        new(options.Temperature, options.TopK, options.TopP, options.MinP, CounterRandom.Uniform(seed, choice, place));

    /// <summary>The token at this place of the answer.</summary>
    /// <param name="logits">[vocab_size]; they stay as they are.</param>
    /// <exception cref="ModelException">The constraint leaves no token.</exception>
    public int Next(ReadOnlySpan<float> logits, int place, SamplingBuffers buffers)
    {
        if (HasPenalties || _constraint is not null || options.LogitBias.Count > 0)
        {
            var changed = buffers.Logits(logits.Length);
            logits.CopyTo(changed);
            Change(changed);
            logits = changed;
        }
        var best = TensorPrimitives.IndexOfMax(logits);
        if (float.IsNaN(logits[best]) || float.IsPositiveInfinity(logits[best]))
        {
            throw new ModelException($"The model gives no numbers ({logits[best]}): its weights are damaged, or its type is too narrow for them.");
        }
        if (float.IsNegativeInfinity(logits[best]))
        {
            throw new ModelException("No token may come next: what the answer has to obey leaves none.");
        }
        return options.Temperature < TokenDraw.GreedyBelow ? best : WeightedDraw.Next(logits, best, Draw(place), buffers);
    }

    /// <summary>Takes note of a token that was drawn, here or by the executor.</summary>
    public void Accept(int id)
    {
        if (HasPenalties)
        {
            _counts[id] = _counts.GetValueOrDefault(id) + 1;
            _seen?.Add(id);
        }
        _constraint?.Accept(id);
    }

    private void Change(Span<float> logits)
    {
        foreach (var (id, bias) in options.LogitBias)
        {
            if ((uint)id < (uint)logits.Length)
            {
                logits[id] += (float)bias;
            }
        }
        foreach (var id in _seen ?? [])
        {
            logits[id] = (float)(logits[id] < 0 ? logits[id] * options.RepetitionPenalty : logits[id] / options.RepetitionPenalty);
        }
        if (options.FrequencyPenalty != 0 || options.PresencePenalty != 0)
        {
            foreach (var (id, count) in _counts)
            {
                logits[id] -= (float)((count * options.FrequencyPenalty) + options.PresencePenalty);
            }
        }
        _constraint?.Mask(logits);
    }
}
