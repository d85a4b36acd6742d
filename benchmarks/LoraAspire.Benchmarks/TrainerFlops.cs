using LoraAspire.Trainer.Ranks;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Benchmarks;

/// <summary>Floating-point operations of training steps.</summary>
/// <param name="PerWeight">Forward and ∂L/∂x 2 each, and as many for ∂L/∂W where all are trained.</param>
internal sealed record TrainerFlops(long InLayers, long InHead, double PerWeight)
{
    /// <summary>Every weight works on every token.</summary>
    public double Floor(IEnumerable<DeviceBatches> steps) => PerWeight * (InLayers + InHead) * steps.Sum(step => step.StepTokens);

    /// <summary>As this trainer has it: what rows share once, and the head only where a target stands.</summary>
    public double Needed(IReadOnlyList<DeviceBatches> steps, DeviceGroup devices)
    {
        var own = steps.SelectMany(step => step.Own).ToList();
        var targets = own.Sum(batch => MicroBatch.Targets(batch.Rows.Select(row => (row.InputIds, row.Labels))));
        return devices.Gather([PerWeight * ((InLayers * own.Sum(batch => batch.Tokens)) + (InHead * targets))]).Sum();
    }
}
