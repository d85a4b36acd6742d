using LoraAspire.Model.Data;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>Rows that go through the model together, on the CPU. A padded position has id 0, label −100, mask 0.</summary>
/// <param name="InputIds">[rows, length] int64</param>
/// <param name="Labels">[rows, length] int64</param>
/// <param name="AttentionMask">[rows, length]; null when padding stands only behind the rows, where causal attention never looks.</param>
/// <param name="Targets">Positions that carry loss.</param>
/// <param name="RealTokens">Tokens that are not padding.</param>
public sealed record MicroBatch(Tensor InputIds, Tensor Labels, Tensor? AttentionMask, long Targets, long RealTokens) : IDisposable
{
    /// <summary>Pads rows on the right to the longest.</summary>
    public static MicroBatch Pad(IReadOnlyList<(int[] InputIds, int[] Labels)> rows)
    {
        var batch = Collator.Pad(rows, PaddingSide.Right);
        // A label on the first token has no position before it.
        var targets = rows.Sum(row => (long)row.Labels.Skip(1).Count(label => label != InstructionDataset.NoLoss));
        return new MicroBatch(
            tensor(batch.InputIds).DetachFromDisposeScope(), tensor(batch.Labels).DetachFromDisposeScope(), null, targets, rows.Sum(row => (long)row.InputIds.Length));
    }

    public void Dispose()
    {
        InputIds.Dispose();
        Labels.Dispose();
        AttentionMask?.Dispose();
    }
}
