using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Configuration;

namespace LoraAspire.Tests.Gpu;

/// <summary>How much memory a GPU has, what a stage needs of it, and what is said where nobody has it.</summary>
public sealed class GpuNeedsTests
{
    [Theory]
    [InlineData("40GiB", 40)]
    [InlineData("1GiB", 1)]
    [InlineData("1024GiB", 1024)]
    [InlineData("23.5GiB", 24)]
    [InlineData("40960MiB", 40)]
    [InlineData("80GB", 80)]
    [InlineData("1MB", 1)]
    public void A_size_is_read_as_whole_GiB_that_are_enough(string text, int size) => Assert.Equal(size, GpuSize.Read(text));

    [Theory]
    [InlineData("")]
    [InlineData("40")]
    [InlineData("0GiB")]
    [InlineData("1024.1GiB")]
    [InlineData("-1GiB")]
    [InlineData("40 GiB")]
    [InlineData("40gib")]
    [InlineData("1e3GiB")]
    [InlineData("40GiB\n")]
    [InlineData("٤GiB")]
    public void What_is_no_such_size_is_none(string text) => Assert.Null(GpuSize.Read(text));

    /// <summary>Bytes as the driver gives them, of cards that are sold as 24, 40 and 80 GB.</summary>
    [Theory]
    [InlineData(25_757_220_864, 24)]
    [InlineData(42_505_273_344, 40)]
    [InlineData(85_520_809_984, 80)]
    public void A_card_has_what_it_is_sold_as(long bytes, int size) =>
        Assert.Equal(size, new WorkerGpus([new(0, "GPU-a", "small", 1L << 30), new(1, "GPU-b", "card", bytes)]).Memory);

    [Fact]
    public void Who_starts_a_worker_may_say_what_its_GPU_has()
    {
        Assert.Equal(0, new WorkerGpus([]).Memory);
        Assert.Equal(16, new WorkerGpus([], WorkerGpus.GivenBy(Variable("16GiB"))).Memory);
        Assert.Equal(0, new WorkerGpus([new(0, "GPU-a", "card", 1L << 35)], WorkerGpus.GivenBy(Variable("0"))).Memory);
        Assert.Null(WorkerGpus.GivenBy(Variable("")));
        Assert.Contains("such as 40GiB, or 0 for none. It is 'much'",
            Assert.Throws<FormatException>(() => WorkerGpus.GivenBy(Variable("much"))).Message, StringComparison.Ordinal);

        static IConfiguration Variable(string text) =>
            new ConfigurationBuilder().AddInMemoryCollection([new(WorkerGpus.MemoryVariable, text)]).Build();
    }

    [Theory]
    [InlineData("trainer:gpu-40GiB", "trainer", 40)]
    [InlineData("data-build:gpu-1024GiB", "data-build", 1024)]
    public void The_name_of_a_class_is_read_as_it_is_written(string name, string kind, int size)
    {
        Assert.Equal(new WorkClass(kind, size), WorkClass.Read(name));
        Assert.Equal((name, $"lora:work:{name}"), (new WorkClass(kind, size).Name, new WorkClass(kind, size).Stream));
        Assert.Equal($"lora:work:{kind}", new WorkClass(kind, 0).Stream);
    }

    [Theory]
    [InlineData("trainer")]
    [InlineData("trainer:gpu-0GiB")]
    [InlineData("trainer:gpu-040GiB")]
    [InlineData("trainer:gpu-1025GiB")]
    [InlineData("trainer:gpu-99999999999GiB")]
    [InlineData("nobody:gpu-40GiB")]
    [InlineData("trainer:gpu-40GiB\n")]
    [InlineData("trainer:gpu-40GiB:x")]
    public void What_is_no_name_of_a_class_is_none(string name) => Assert.Null(WorkClass.Read(name));

    [Theory]
    [InlineData("trainer", 40, "evaluator 80", "waits for a trainer with 40 GiB of GPU memory: none is running")]
    [InlineData("trainer", 40, "trainer 24 trainer 16", "waits for a trainer with 40 GiB of GPU memory; the largest here has 24")]
    [InlineData("evaluator", 40, "evaluator 0", "waits for an evaluator with 40 GiB of GPU memory; none here has a GPU")]
    [InlineData("export", 0, "", "waits for an export: none is running")]
    [InlineData("trainer", 40, "trainer 24 trainer 40", null)]
    [InlineData("trainer", 0, "trainer 0", null)]
    public void A_stage_that_no_living_worker_can_do_says_what_it_waits_for(string kind, int needs, string living, string? words)
    {
        var stage = new StageState("tune", kind, new Dictionary<string, string>())
        {
            Status = StageStatus.Queued,
            OfWorker = needs == 0 ? null : new(needs),
        };
        var workers = living.Split(' ', StringSplitOptions.RemoveEmptyEntries).Chunk(2)
            .Select(one => new LivingWorker("w", one[0], "h", 1, default, int.Parse(one[1]), [])).ToList();

        Assert.Equal(words, NobodyCan.Of(stage, workers)?.ToString());
        Assert.Null(NobodyCan.Of(stage with { Status = StageStatus.Running }, []));
    }
}
