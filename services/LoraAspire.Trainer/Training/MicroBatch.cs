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
        var length = rows.Max(row => row.InputIds.Length);
        var ids = new long[rows.Count, length];
        var labels = new long[rows.Count, length];
        long targets = 0;
        for (var row = 0; row < rows.Count; row++)
        {
            for (var i = 0; i < length; i++)
            {
                var real = i < rows[row].InputIds.Length;
                ids[row, i] = real ? rows[row].InputIds[i] : 0;
                labels[row, i] = real ? rows[row].Labels[i] : -100;
                targets += i > 0 && labels[row, i] != -100 ? 1 : 0; // a label on the first token has no position before it
            }
        }
        return new MicroBatch(
            tensor(ids).DetachFromDisposeScope(), tensor(labels).DetachFromDisposeScope(), null, targets, rows.Sum(row => (long)row.InputIds.Length));
    }

    public void Dispose()
    {
        InputIds.Dispose();
        Labels.Dispose();
        AttentionMask?.Dispose();
    }
}
