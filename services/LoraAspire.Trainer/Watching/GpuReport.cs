using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Trainer.Watching;

/// <summary>A step's progress on its way to the reader gains the figures of the GPUs that it was computed on.</summary>
internal sealed class GpuReport(IProgress<StageProgress> reader, IReadOnlyList<GpuWatch> gpus) : IProgress<StageProgress>
{
    public void Report(StageProgress value)
    {
        if (value.Phase != "step")
        {
            reader.Report(value);
            return;
        }
        List<GpuFigures> figures = [.. gpus.Select(gpu => gpu.Read()).OfType<GpuFigures>()];
        reader.Report(value with { Gpu = figures.FirstOrDefault(), MoreGpus = figures.Count > 1 ? figures[1..] : null });
    }
}
