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

    /// <summary>Why they are as they were a while ago, in words; null while the driver answers.</summary>
    public string? Trouble { get; private set; }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // the driver may take seconds to come up, and nobody waits for it
        if (Open() is not { } gpus)
        {
            return;
        }
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                now = SampledGpu.After(now, gpus.ReadWithProcesses(), clock.GetUtcNow());
                Trouble = null;
            }
            catch (Exception error)
            {
                // Whatever a driver does, the other pages go on.
                Trouble = error.Message;
            }
            await Task.Delay(Interval, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Gpus? Open()
    {
        try
        {
            var gpus = Gpus.Open(out var why);
            Absent = gpus is null ? why : null;
            return gpus;
        }
        catch (Exception error)
        {
            Absent = error.Message;
            return null;
        }
    }
}
