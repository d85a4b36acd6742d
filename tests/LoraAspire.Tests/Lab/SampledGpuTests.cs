using LoraAspire.Lab.GpuPages;
using LoraAspire.Machine.Gpu;
using LoraAspire.Runtime.Streams;

namespace LoraAspire.Tests.Lab;

/// <summary>What the lab keeps of each GPU.</summary>
public sealed class SampledGpuTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void The_last_ten_minutes_are_kept_of_each_card_by_the_drivers_name()
    {
        IReadOnlyList<SampledGpu> now = [];
        for (var second = 0; second <= 900; second += 60)
        {
            now = SampledGpu.After(now, [Reading("GPU-b", 1, second / 10), Reading("GPU-a", 0, 0)], s_noon.AddSeconds(second));
        }

        Assert.Equal(["GPU-b", "GPU-a"], now.Select(gpu => gpu.Id));
        Assert.Equal((300, 900), ((now[0].History[0].At - s_noon).TotalSeconds, (now[0].History[^1].At - s_noon).TotalSeconds));
        Assert.Equal((90d, 25d), (now[0].History[^1].Utilization, now[0].History[^1].Memory));
        Assert.Equal(7, Assert.Single(now[0].Processes!).Id);
    }

    [Fact]
    public void A_card_that_is_gone_is_gone_and_one_that_tells_nothing_has_empty_samples()
    {
        var before = SampledGpu.After([], [Reading("GPU-a", 0, 5)], s_noon);

        var now = SampledGpu.After(before, [new("GPU-c", new(2, "silent"), [])], s_noon.AddSeconds(2));

        var gpu = Assert.Single(now);
        Assert.Equal((null, null), (gpu.History.Single().Utilization, gpu.History.Single().Memory));
    }

    [Fact]
    public void Power_and_temperature_have_a_past_too()
    {
        var sample = GpuSample.Of(new(0, "card") { PowerWatts = 312.5, Temperature = 64 }, s_noon);

        Assert.Equal((312.5, 64d, null), (sample.Power, sample.Temperature, sample.Utilization));
    }

    [Fact]
    public void A_process_that_a_worker_has_started_leads_to_what_the_worker_trains()
    {
        GpuHolder holder = new("run-1", "tune", 1, "here-1");
        LivingWorker[] workers =
        [
            new("here-1", "trainer", "here", 40, s_noon, 80, []), new("here-2", "trainer", "here", 50, s_noon, 80, []),
        ];
        ShownGpu gpu = new("here", SampledGpu.After([], [Reading("GPU-a", 0, 0)], s_noon)[0], null)
        {
            Workers = ShownGpu.Trainings(workers, [holder, holder]),
        };

        Assert.Equal(holder, gpu.HolderOf(new(40, "dotnet", 1)));
        Assert.Equal(holder, gpu.HolderOf(new(42, "dotnet", 1) { Ancestors = [41, 40, 1] }));
        Assert.Null(gpu.HolderOf(new(51, "dotnet", 1) { Ancestors = [50, 1] }));
        Assert.Null(gpu.HolderOf(new(7, "python", 1)));
    }

    private static GpuReading Reading(string id, int index, int percent) =>
        new(id, new(index, "card") { Utilization = percent, MemoryUsed = 10, MemoryTotal = 40 }, [new(7, "dotnet", 10)]);
}
