using LoraAspire.Model.Data;
using LoraAspire.Model.Network.Fused;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// Which rows of a step begin alike: with a prompt template's first lines, a system message, a text that several questions are about. Such
/// a prefix goes through the model once for all of them, forward and back, and nothing that is computed changes by it but the order of
/// sums; of dropout it draws once in a step. What carries loss is not shared.
/// </summary>
public static class SharedPrefixes
{
    /// <summary>Below it the sums over the copies cost more than the tokens.</summary>
    internal const int Shortest = 8;

    /// <summary>Rows that are compared: a search among all of a large data set's held-out rows would take longer than it saves.</summary>
    private const int Compared = 512;

    /// <summary>The same rows in the same order, each with the prefix that saves most tokens in all.</summary>
    /// <param name="longest">Rows of more tokens share nothing.</param>
    public static IReadOnlyList<TrainingRow> Mark(IReadOnlyList<TrainingRow> rows, int longest = int.MaxValue)
    {
        TrainingRow[] marked = [.. rows];
        foreach (var chunk in Enumerable.Range(0, rows.Count).Where(row => rows[row].InputIds.Length <= longest).Chunk(Compared))
        {
            // Rows that begin alike are neighbours in the order of their tokens.
            int[] order = [.. chunk.OrderBy(row => row, Comparer<int>.Create((a, b) =>
                rows[a].InputIds.AsSpan().SequenceCompareTo(rows[b].InputIds)))];
            int[] common = [0, .. order.Skip(1).Zip(order, (row, before) => Common(rows[row], rows[before]))];
            foreach (var (first, count, length) in Best(common, 0, order.Length).Groups)
            {
                var members = order[first..(first + count)];
                var shared = new SharedPrefix(length, rows[members.Min()].First);
                foreach (var row in members)
                {
                    marked[row] = rows[row] with { Shared = shared };
                }
            }
        }
        return marked;
    }

    /// <summary>Tokens that two rows begin with and that carry no loss in either.</summary>
    private static int Common(TrainingRow a, TrainingRow b) =>
        Math.Min(a.InputIds.AsSpan().CommonPrefixLength(b.InputIds), Math.Min(WithoutLoss(a), WithoutLoss(b)));

    /// <summary>A token's loss is that of its successor.</summary>
    private static int WithoutLoss(TrainingRow row)
    {
        var at = Array.FindIndex(row.Labels, 1, label => label != InstructionDataset.NoLoss);
        return (at < 0 ? row.Labels.Length : at) - 1;
    }

    /// <summary>
    /// Of neighbours from start to end either all share what they all have in common, or they part where that is least.
    /// </summary>
    /// <param name="common">Of each row with the one before it.</param>
    private static (long Saved, IReadOnlyList<(int First, int Count, int Length)> Groups) Best(int[] common, int start, int end)
    {
        if (end - start < 2)
        {
            return (0, []);
        }
        var at = start + 1 + Array.IndexOf(common[(start + 1)..end], common[(start + 1)..end].Min());
        var together = common[at] < Shortest ? 0 : (end - start - 1L) * common[at];
        var (left, right) = (Best(common, start, at), Best(common, at, end));
        return left.Saved + right.Saved > together ? (left.Saved + right.Saved, [.. left.Groups, .. right.Groups])
            : (together, together == 0 ? [] : [(start, end - start, common[at])]);
    }
}
