using LoraAspire.Model.Data;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Trainer.Training;

/// <summary>Rows that go through the model together, each with the weight of its targets in the step's loss.</summary>
public sealed record MicroBatch(IReadOnlyList<TrainingRow> Rows, PaddingSide Side = PaddingSide.Right, int MultipleOf = 1)
{
    /// <summary>Tokens that are not padding.</summary>
    public long RealTokens { get; } = Rows.Sum(row => (long)row.InputIds.Length);

    /// <summary>Positions that carry loss. A label on the first token has no position before it.</summary>
    public static long Targets(IEnumerable<(int[] InputIds, int[] Labels)> rows) =>
        rows.Sum(row => row.Labels.Skip(1).LongCount(label => label != InstructionDataset.NoLoss));

    /// <summary>
    /// Weighs a step's rows: every token 1/N, N the step's targets. alpaca-lora (transformers ≤ 4.45) gives each micro-batch of
    /// <paramref name="microBatchSize"/> rows the mean over its own targets, divided by the micro-batches of a full step, so that tokens of
    /// short rows weigh more.
    /// </summary>
    /// <param name="batchSize">Rows of a full step; an epoch's last may have fewer.</param>
    public static IReadOnlyList<TrainingRow> Weigh(IReadOnlyList<(int[] InputIds, int[] Labels)> step, Compat compat, int batchSize,
        int microBatchSize)
    {
        var groups = compat == Compat.AlpacaLora ? step.Chunk(microBatchSize) : [[.. step]];
        var accumulation = compat == Compat.AlpacaLora ? batchSize / microBatchSize : 1;
        return [.. groups.SelectMany(group =>
        {
            var targets = Targets(group);
            return group.Select(row => new TrainingRow(row.InputIds, row.Labels, targets == 0 ? 0 : 1.0 / (targets * accumulation)));
        })];
    }

    /// <summary>
    /// Cuts rows into micro-batches of at most <paramref name="tokens"/> tokens, a longer row alone. Which rows go together changes nothing
    /// in the loss, whose weights are the rows' own; so packed rows are dealt out evenly, and rows that are to be padded are sorted by
    /// length.
    /// </summary>
    public static IReadOnlyList<MicroBatch> Cut(IReadOnlyList<TrainingRow> rows, int tokens, bool packed)
    {
        var sorted = rows.OrderByDescending(row => row.InputIds.Length).ToList();
        return packed ? Deal(sorted, tokens) : CutPadded(sorted, tokens);
    }

    private static IReadOnlyList<MicroBatch> CutPadded(List<TrainingRow> sorted, int tokens)
    {
        var batches = new List<MicroBatch>();
        for (var start = 0; start < sorted.Count;)
        {
            var count = Math.Max(1, tokens / sorted[start].InputIds.Length);
            batches.Add(new MicroBatch([.. sorted.Skip(start).Take(count)]));
            start += count;
        }
        return batches;
    }

    /// <summary>As few micro-batches as may be, each row to the emptiest: their sizes come out nearly equal.</summary>
    private static IReadOnlyList<MicroBatch> Deal(List<TrainingRow> sorted, int tokens)
    {
        var total = sorted.Sum(row => (long)row.InputIds.Length);
        for (var count = (int)Math.Max(1, (total + tokens - 1) / tokens); ; count++)
        {
            var bins = Enumerable.Range(0, Math.Min(count, sorted.Count)).Select(_ => new List<TrainingRow>()).ToList();
            var sizes = new long[bins.Count];
            foreach (var row in sorted)
            {
                var emptiest = Array.IndexOf(sizes, sizes.Min());
                bins[emptiest].Add(row);
                sizes[emptiest] += row.InputIds.Length;
            }
            if (bins.Count == sorted.Count || bins.Zip(sizes).All(bin => bin.Second <= tokens || bin.First.Count == 1))
            {
                return [.. bins.Select(bin => new MicroBatch(bin))];
            }
        }
    }
}
