using LoraAspire.Machine.Gpu;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Lab.GpuPages;

/// <summary>A GPU, and what it did lately.</summary>
/// <param name="Id">The driver's own name for it.</param>
/// <param name="History">From the oldest on; the last is now.</param>
/// <param name="Processes">Null where they aren't known.</param>
public sealed record SampledGpu(string Id, GpuFigures Figures, IReadOnlyList<GpuSample> History, IReadOnlyList<GpuProcess>? Processes)
{
    /// <summary>So far back its history goes.</summary>
    public static readonly TimeSpan Kept = TimeSpan.FromMinutes(10);

    /// <summary>What is known of each by now.</summary>
    public static IReadOnlyList<SampledGpu> After(IReadOnlyList<SampledGpu> before, IReadOnlyList<GpuReading> read, DateTimeOffset at) =>
    [
        .. read.Select(gpu => new SampledGpu(gpu.Id, gpu.Figures,
            [
                .. (before.FirstOrDefault(one => one.Id == gpu.Id)?.History ?? []).SkipWhile(sample => at - sample.At > Kept),
                GpuSample.Of(gpu.Figures, at),
            ], gpu.Processes)),
    ];
}

/// <summary>A GPU at a moment. What the driver doesn't tell is null.</summary>
/// <param name="Utilization">Percent.</param>
/// <param name="Memory">Percent of all that it has.</param>
public sealed record GpuSample(DateTimeOffset At, double? Utilization, double? Memory)
{
    /// <summary>Watts.</summary>
    public double? Power { get; init; }

    /// <summary>Degrees Celsius.</summary>
    public double? Temperature { get; init; }

    public static GpuSample Of(GpuFigures figures, DateTimeOffset at) => new(at, figures.Utilization,
        figures is { MemoryUsed: { } used, MemoryTotal: > 0 and var total } ? 100d * used / total : null)
    {
        Power = figures.PowerWatts,
        Temperature = figures.Temperature,
    };
}
