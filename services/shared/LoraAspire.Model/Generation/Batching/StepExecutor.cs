using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>
/// Computes steps: a forward pass over slices of several sequences at once, whose keys and values lie in a paged cache that the executor
/// owns. It knows nothing of requests; the engine decides which slices a step has. One thread uses it at a time.
/// </summary>
public abstract class StepExecutor : IDisposable
{
    /// <summary>Positions in one block of the cache.</summary>
    public const int BlockSize = 16;

    public abstract ModelConfig Config { get; }

    /// <summary>What it is and computes with, for logs: "cpu q8_0, 2 threads".</summary>
    public abstract string Description { get; }

    /// <summary>Blocks that the cache has, numbered from 0; the engine hands them out.</summary>
    public abstract int Blocks { get; }

    /// <summary>Sequences that one step takes at most.</summary>
    public abstract int MostSequences { get; }

    /// <summary>Tokens that one step takes at most, all slices together.</summary>
    public abstract int MostTokens { get; }

    /// <summary>
    /// Writes keys and values of every slice's tokens into their blocks, and gives the result of those that want logits. A sequence's
    /// result does not depend on which other sequences are in the step, as far as the device's arithmetic allows.
    /// </summary>
    public abstract StepResults Run(IReadOnlyList<SequenceSlice> slices);

    /// <summary>Makes an adapter usable beside the base. It is copied, and may be disposed then.</summary>
    /// <returns>What <see cref="SequenceSlice.Adapter"/> takes.</returns>
    /// <exception cref="ModelException">It was made for another base, or is of a kind that has to be merged.</exception>
    public abstract int AddAdapter(Adapter adapter);

    /// <summary>Frees an adapter; no step that uses it may follow.</summary>
    public abstract void RemoveAdapter(int adapter);

    /// <summary>Mean over the tokens of what the last norm gives: [hidden_size], for embeddings.</summary>
    /// <param name="ids">At most the context.</param>
    public abstract float[] MeanHidden(IReadOnlyList<int> ids);

    /// <exception cref="ModelException">The text of <see cref="MeanHidden"/> is empty, or longer than what can be computed.</exception>
    protected static void RequireText(IReadOnlyList<int> ids, int most)
    {
        if (ids.Count == 0 || ids.Count > most)
        {
            throw new ModelException($"The text has {ids.Count} tokens; this model takes 1 to {most}.");
        }
    }

    public abstract void Dispose();
}
