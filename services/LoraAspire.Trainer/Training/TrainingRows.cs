using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Trainer.Training;

/// <summary>The rows of a run: which are held out, which a step sees, and how they are cut into micro-batches.</summary>
internal sealed class TrainingRows
{
    private readonly InstructionDataset _rows;
    private readonly TrainerParams _settings;
    private readonly int[] _training;
    private readonly Sampler _sampler;

    /// <exception cref="StageException">No row is left to train on.</exception>
    public TrainingRows(InstructionDataset rows, TrainerParams settings)
    {
        (_rows, _settings) = (rows, settings);
        (_training, HeldOut) = Split(rows.Count, settings);
        _sampler = new Sampler([.. _training.Select(rows.Length)], settings.BatchSize, settings.GroupByLength, settings.Seed);
        TotalSteps = settings.MaxSteps ?? settings.NumEpochs * StepsPerEpoch;
    }

    public int StepsPerEpoch => _sampler.StepsPerEpoch;

    public int TotalSteps { get; }

    /// <summary>Rows to train on.</summary>
    public int Count => _training.Length;

    /// <summary>Rows for validation, in the data set's order.</summary>
    public IReadOnlyList<int> HeldOut { get; }

    public int LongestRow => Enumerable.Range(0, _rows.Count).Max(_rows.Length);

    /// <param name="step">Counted from 0.</param>
    public IReadOnlyList<MicroBatch> Step(int step, int tokens, bool packed) =>
        MicroBatch.Cut(MicroBatch.Weigh([.. _sampler.Rows(step).Select(row => Row(_training[row]))], _settings.Compat, _settings.BatchSize, _settings.MicroBatchSize), tokens, packed);

    /// <summary>Every held-out token weighs the same.</summary>
    public IReadOnlyList<MicroBatch> Validation(int tokens, bool packed) =>
        MicroBatch.Cut(MicroBatch.Weigh([.. HeldOut.Select(Row)], Compat.None, HeldOut.Count, HeldOut.Count), tokens, packed);

    /// <summary>The micro-batch of the first epoch that takes the most memory.</summary>
    public MicroBatch Largest(int tokens, bool packed) =>
        Enumerable.Range(0, Math.Min(StepsPerEpoch, TotalSteps)).SelectMany(step => Step(step, tokens, packed)).MaxBy(batch => Positions(batch, packed))!;

    private static long Positions(MicroBatch batch, bool packed) => packed ? batch.RealTokens : (long)batch.Rows.Count * batch.Rows.Max(row => row.InputIds.Length);

    /// <summary>Held-out rows are drawn by the seed; both parts stay in the data set's order.</summary>
    private static (int[] Training, int[] HeldOut) Split(int count, TrainerParams settings)
    {
        if (settings.ValSetSize >= count)
        {
            throw new StageException($"val_set_size is {settings.ValSetSize}, but the data set has {count} rows. Lower val_set_size, or set it to 0.");
        }
        var order = Enumerable.Range(0, count).ToArray();
        new Random(settings.Seed).Shuffle(order);
        return ([.. order[settings.ValSetSize..].Order()], [.. order[..settings.ValSetSize].Order()]);
    }

    private (int[] InputIds, int[] Labels) Row(int row) => (_rows.InputIds(row).ToArray(), _rows.Labels(row).ToArray());
}
