namespace LoraAspire.Pipelines.Stages;

/// <summary>A GPU's figures on one line: 43.1 / 79.6 GiB · 98 % · 61 °C · 655 / 700 W.</summary>
public static class GpuText
{
    private const double Gib = 1 << 30;

    public static string Of(GpuFigures gpu) => string.Join(" · ", ((string?[])[
        gpu is { MemoryUsed: { } used, MemoryTotal: { } total } ? FormattableString.Invariant($"{used / Gib:0.0} / {total / Gib:0.0} GiB")
            : null,
        gpu.Utilization is { } percent ? $"{percent} %" : null,
        gpu.Temperature is { } celsius ? $"{celsius} °C" : null,
        gpu.PowerWatts is { } watts ? FormattableString.Invariant($"{watts:0}")
            + (gpu.PowerLimitWatts is { } limit ? FormattableString.Invariant($" / {limit:0} W") : " W") : null,
    ]).Where(part => part is not null));
}
