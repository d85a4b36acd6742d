using LoraAspire.Model.Data;
using LoraAspire.Model.Devices;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Trainer.Training;

/// <summary>Rows that go through the model together, each with the weight of its targets in the step's loss.</summary>
public sealed record MicroBatch(IReadOnlyList<TrainingRow> Rows, PaddingSide Side = PaddingSide.Right, int MultipleOf = 1)
{
    /// <summary>Attention reads a shared prefix once for each row: so many tokens more than go through the layers.</summary>
    private const int MostReadOfEach = 4;

    /// <summary>More micro-batches than a step has.</summary>
    internal const long Most = 1_000_003;

    /// <summary>Its place among those of the step: on autograd, what is random is drawn by it.</summary>
    public int Index { get; init; }

    /// <summary>Tokens that are not padding.</summary>
    public long RealTokens { get; } = Rows.Sum(row => (long)row.InputIds.Length);

    /// <summary>Tokens that go through the layers: a prefix that rows share once.</summary>
    public long Tokens { get; } =
        Rows.Sum(row => (long)row.OwnTokens) + Rows.Select(row => row.Shared).Distinct().Sum(shared => (long)shared.Length);

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
        var first = 0;
        return [.. groups.SelectMany(group =>
        {
            var targets = Targets(group);
            return group.Select(row => new TrainingRow(row.InputIds, row.Labels, targets == 0 ? 0 : 1.0 / (targets * accumulation),
                (first += row.InputIds.Length) - row.InputIds.Length));
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

    /// <summary>
    /// What one of several devices computes of a step. Rows are dealt out by their tokens; where <paramref name="drawsByRow"/> isn't so,
    /// the micro-batches of one device are, so that what is random stays what it is there.
    /// </summary>
    public static DeviceBatches Dealt(IReadOnlyList<TrainingRow> rows, int tokens, bool packed, bool drawsByRow, Share share)
    {
        IReadOnlyList<MicroBatch> Indexed(IEnumerable<MicroBatch> batches) =>
            [.. batches.Select((batch, index) => batch with { Index = index })];
        IReadOnlyList<IReadOnlyList<MicroBatch>> all = drawsByRow
            ? [.. Share.Deal(rows, share.Count, row => row.OwnTokens).Select(part => Cut(part, tokens, packed))]
            : Share.Deal(Indexed(Cut(rows, tokens, packed)), share.Count, batch => batch.RealTokens);
        return new(all[share.Rank], all.Max(batches => batches.Count), rows.Sum(row => (long)row.InputIds.Length));
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
        var total = new MicroBatch(sorted).Tokens;
        for (var count = (int)Math.Max(1, (total + tokens - 1) / tokens); ; count++)
        {
            var batches = Share.Deal(sorted, Math.Min(count, sorted.Count), row => row.OwnTokens)
                .Select(bin => new MicroBatch(bin)).ToList();
            if (batches.Count == sorted.Count || batches.All(batch => Fits(batch, tokens)))
            {
                return batches;
            }
        }
    }

    private static bool Fits(MicroBatch batch, int tokens) =>
        batch.Rows.Count == 1 || (batch.Tokens <= tokens && batch.RealTokens <= (long)MostReadOfEach * tokens);
}

/// <summary>What one of several devices computes of a step.</summary>
/// <param name="Own">Its micro-batches; none where there are fewer rows than devices.</param>
/// <param name="Passes">How many the device has that has most.</param>
/// <param name="StepTokens">Real tokens of the whole step.</param>
public sealed record DeviceBatches(IReadOnlyList<MicroBatch> Own, int Passes, long StepTokens);
