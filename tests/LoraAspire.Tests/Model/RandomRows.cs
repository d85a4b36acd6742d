using LoraAspire.Model.Data;
using LoraAspire.Model.Network.Fused;

namespace LoraAspire.Tests.Model;

/// <summary>The rows of a step that nobody wrote; a third of each carries no loss.</summary>
internal static class RandomRows
{
    public static List<TrainingRow> Of(int vocabulary, params int[] lengths)
    {
        var random = new Random(1);
        int[][] rows = [.. lengths.Select(length => Enumerable.Range(0, length).Select(_ => random.Next(3, vocabulary)).ToArray())];
        var targets = rows.Sum(row => row.Length - WithoutLoss(row));
        var first = 0;
        return [.. rows.Select(row => new TrainingRow(row,
            [.. row.Select((id, at) => at < WithoutLoss(row) ? InstructionDataset.NoLoss : id)], 1.0 / targets,
            (first += row.Length) - row.Length))];
    }

    /// <summary>The first token has no position before it.</summary>
    private static int WithoutLoss(int[] row) => Math.Max(1, row.Length / 3);
}
