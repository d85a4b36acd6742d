using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Data;

public enum PaddingSide { Left, Right }

/// <summary>Rows of one length, each array [rows, length]. Padding has id 0, label −100 and mask 0.</summary>
public sealed record PaddedBatch(long[,] InputIds, long[,] Labels, long[,] AttentionMask);

public static class Collator
{
    /// <summary>Pads rows to the longest, rounded up to a multiple of <paramref name="multipleOf"/>.</summary>
    public static PaddedBatch Pad(IReadOnlyList<(int[] InputIds, int[] Labels)> rows, PaddingSide side, int multipleOf = 1)
    {
        var length = (rows.Max(row => row.InputIds.Length) + multipleOf - 1) / multipleOf * multipleOf;
        PaddedBatch batch = new(new long[rows.Count, length], new long[rows.Count, length], new long[rows.Count, length]);
        for (var row = 0; row < rows.Count; row++)
        {
            var (ids, labels) = rows[row];
            var start = side == PaddingSide.Left ? length - ids.Length : 0;
            for (var i = 0; i < length; i++)
            {
                var real = i >= start && i - start < ids.Length;
                batch.InputIds[row, i] = real ? ids[i - start] : HfTokenizer.PadId;
                batch.Labels[row, i] = real ? labels[i - start] : InstructionDataset.NoLoss;
                batch.AttentionMask[row, i] = real ? 1 : 0;
            }
        }
        return batch;
    }
}
