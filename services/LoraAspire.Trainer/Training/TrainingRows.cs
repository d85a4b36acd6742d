using LoraAspire.Model.Data;
using LoraAspire.Model.Devices;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Trainer.Training;

/// <summary>The rows of a run: which are held out, which a step sees, and how they are cut into micro-batches.</summary>
internal sealed class TrainingRows
{
    private readonly InstructionDataset _rows;
    private readonly TrainerParams _settings;
    private readonly IReadOnlyList<int> _training;
    private readonly RowSampler _sampler;

    /// <exception cref="StageException">No row is left to train on.</exception>
    public TrainingRows(InstructionDataset rows, TrainerParams settings)
    {
        (_rows, _settings) = (rows, settings);
        (_training, HeldOut) = Split(rows, settings);
        _sampler = new RowSampler([.. _training.Select(rows.Length)], settings.BatchSize, settings.GroupByLength, settings.Seed);
        var steps = settings.MaxSteps ?? (long)settings.NumEpochs * StepsPerEpoch;
        TotalSteps = steps <= int.MaxValue ? (int)steps
            : throw new StageException($"num_epochs {settings.NumEpochs} of {StepsPerEpoch} steps each are {steps} steps, more than can "
                + "be counted. Lower num_epochs, or give max_steps.");
        var warmup = Schedule.Of(settings, TotalSteps).WarmupSteps;
        if (warmup > 0 && warmup >= TotalSteps)
        {
            // The first step of a warm-up has the rate 0.
            var words = $"{TotalSteps} {(TotalSteps == 1 ? "step" : "steps")}, {warmup} of warm-up: "
                + $"{(TotalSteps == 1 ? "nothing" : "little")} is learned, since the learning rate doesn't get to its value. "
                + $"{_training.Count} rows make {StepsPerEpoch} {(StepsPerEpoch == 1 ? "step" : "steps")} of {settings.BatchSize} an "
                + "epoch: lower warmup_steps or batch_size, or raise num_epochs.";
            Warning = TotalSteps > 1 ? words : throw new StageException(words);
        }
    }

    /// <summary>What the user should know of the settings with these rows; null when all is well.</summary>
    public string? Warning { get; }

    public int StepsPerEpoch => _sampler.StepsPerEpoch;

    public int TotalSteps { get; }

    /// <summary>Rows to train on.</summary>
    public int Count => _training.Count;

    /// <summary>
    /// Rows that are in neither part: copies of a held-out record, or its other direction. The model must not have seen what it is
    /// validated on.
    /// </summary>
    public int LeftOut => _rows.Count - _training.Count - HeldOut.Count;

    /// <summary>Rows for validation, in the data set's order.</summary>
    public IReadOnlyList<int> HeldOut { get; }

    public int LongestRow => Enumerable.Range(0, _rows.Count).Max(_rows.Length);

    /// <summary>The rows of a step counted from 0.</summary>
    public IReadOnlyList<TrainingRow> Step(int step) => MicroBatch.Weigh([.. _sampler.Rows(step).Select(row => Row(_training[row]))],
        _settings.Compat, _settings.BatchSize, _settings.MicroBatchSize);

    /// <summary>What a device computes of a step counted from 0.</summary>
    public DeviceBatches Step(int step, int tokens, Objective objective, Share share) =>
        MicroBatch.Dealt(objective.Marked(Step(step)), tokens, objective.Packed, objective.DrawsByRow, share);

    /// <summary>What a device computes of a validation, in which every held-out token weighs the same.</summary>
    public DeviceBatches Validation(int tokens, Objective objective, Share share) =>
        MicroBatch.Dealt(objective.Marked(MicroBatch.Weigh([.. HeldOut.Select(Row)], Compat.None, HeldOut.Count, HeldOut.Count)), tokens,
            objective.Packed, drawsByRow: true, share);

    /// <summary>The micro-batch of the first epoch that takes the most memory on a device; null when it has none.</summary>
    public MicroBatch? Largest(int tokens, Objective objective, Share share) =>
        Enumerable.Range(0, Math.Min(StepsPerEpoch, TotalSteps)).SelectMany(step => Step(step, tokens, objective, share).Own)
            .MaxBy(batch => (Positions(batch, objective.Packed), batch.RealTokens));

    private static long Positions(MicroBatch batch, bool packed) =>
        packed ? batch.Tokens : (long)batch.Rows.Count * batch.Rows.Max(row => row.InputIds.Length);

    /// <summary>
    /// Held-out rows are drawn by the seed; both parts stay in the data set's order. alpaca-lora doesn't look for copies.
    /// </summary>
    private static RowSplit Split(InstructionDataset rows, TrainerParams settings)
    {
        var count = settings.HeldOutOf(rows.Count);
        if (count >= rows.Count)
        {
            throw new StageException(
                $"val_set_size is {count}, but the data set has {rows.Count} rows. Lower val_set_size, or leave it out for a tenth of "
                    + $"them.");
        }
        var split = RowSplit.Of(rows, count, settings.Seed, withCopies: settings.Compat == Compat.AlpacaLora);
        return split.Training.Count > 0 ? split
            : throw new StageException($"val_set_size is {count}, and every other row is a copy of a held-out one. Lower "
                + "val_set_size, or set it to 0.");
    }

    private (int[] InputIds, int[] Labels) Row(int row) => (_rows.InputIds(row).ToArray(), _rows.Labels(row).ToArray());
}
