using LoraAspire.Machine.Gpu;

namespace LoraAspire.Lab.GpuPages;

/// <summary>Looks at this machine's GPUs every two seconds and keeps ten minutes, so that a page that opens has a past to show.</summary>
public sealed class GpuSampler(TimeProvider clock) : BackgroundService
{
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);

    private volatile IReadOnlyList<SampledGpu> now = [];

    /// <summary>As they are now; none on a machine without.</summary>
    public IReadOnlyList<SampledGpu> Now => now;

    /// <summary>Why there are none here, in words; null where there are.</summary>
    public string? Absent { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // the driver may take seconds to come up, and nobody waits for it
        if (Gpus.Open(out var why) is not { } gpus)
        {
            Absent = why;
            return;
        }
        while (!stoppingToken.IsCancellationRequested)
        {
            now = SampledGpu.After(now, gpus.ReadWithProcesses(), clock.GetUtcNow());
            await Task.Delay(Interval, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
