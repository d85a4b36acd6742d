using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Trainer.Watching;

/// <summary>A step's progress on its way to the reader gains the GPU's figures.</summary>
internal sealed class GpuReport(IProgress<StageProgress> reader, GpuWatch gpu) : IProgress<StageProgress>
{
    public void Report(StageProgress value) => reader.Report(value.Phase == "step" ? value with { Gpu = gpu.Read() } : value);
}
