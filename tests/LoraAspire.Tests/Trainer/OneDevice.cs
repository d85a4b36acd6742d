using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

/// <summary>Micro-batches that were cut for the test, all on one device.</summary>
internal static class OneDevice
{
    public static DeviceBatches Batches(IReadOnlyList<MicroBatch> batches) =>
        new(batches, batches.Count, batches.Sum(batch => batch.RealTokens));
}
