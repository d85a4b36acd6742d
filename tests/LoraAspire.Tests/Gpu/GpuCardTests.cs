using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;

namespace LoraAspire.Tests.Gpu;

/// <summary>Which GPUs a worker sees, and which of them a training takes.</summary>
public sealed class GpuCardTests
{
    private static readonly GpuCard[] s_three = [new(0, "GPU-a1", "card"), new(1, "GPU-a2", "card"), new(2, "GPU-b", "card")];

    [Theory]
    [InlineData(null, "GPU-a1 GPU-a2 GPU-b")]
    [InlineData("", "")]
    [InlineData("-1", "")]
    [InlineData("2,0", "GPU-b GPU-a1")]
    [InlineData("1, 7, 0", "GPU-a2")]
    [InlineData("0,0,1", "GPU-a1")]
    [InlineData("GPU-b,GPU-a1", "GPU-b GPU-a1")]
    [InlineData("GPU-b,1", "GPU-b GPU-a2")]
    [InlineData("GPU-", "")]
    [InlineData("GPU-c", "")]
    [InlineData("GPU-a", "")]
    [InlineData("MIG-7f,MIG-80", "MIG-7f MIG-80")]
    public void A_worker_sees_what_CUDA_VISIBLE_DEVICES_shows(string? variable, string expected) =>
        Assert.Equal(expected, string.Join(' ', GpuCard.Visible(s_three, variable).Select(card => card.Id)));

    [Theory]
    [InlineData("1", "GPU-a1 GPU-a2 GPU-b", 1)]
    [InlineData("3", "GPU-a1 GPU-a2 GPU-b", 3)]
    [InlineData("auto", "GPU-a1 GPU-a2 GPU-b", 3)]
    [InlineData("[2, 0]", "GPU-b GPU-a1", 2)]
    public void A_training_takes_any_of_a_number_all_or_the_named(string devices, string of, int count)
    {
        var wanted = new WorkerGpus(s_three).Wanted(DeviceChoice.Of(devices))!.Value;

        Assert.Equal((of, count), (string.Join(' ', wanted.Of.Select(card => card.Id)), wanted.Count));
    }

    [Theory]
    [InlineData("4")]
    [InlineData("[3]")]
    public void What_is_not_there_is_left_for_the_training_to_say(string devices) =>
        Assert.Null(new WorkerGpus(s_three).Wanted(DeviceChoice.Of(devices)));

    [Theory]
    [InlineData("1", 40, "GPU-large", 1)]
    [InlineData("auto", 40, "GPU-large", 1)]
    [InlineData("1", 24, "GPU-small GPU-large", 1)]
    [InlineData("2", 40, "GPU-small GPU-large", 2)]
    public void A_training_that_needs_much_memory_takes_cards_that_have_it(string devices, int gib, string of, int count)
    {
        WorkerGpus two = new([new(0, "GPU-small", "small", 24L << 30), new(1, "GPU-large", "large", 80L << 30)]);

        var wanted = two.Wanted(DeviceChoice.Of(devices), new StageNeeds(gib))!.Value;

        Assert.Equal((of, count), (string.Join(' ', wanted.Of.Select(card => card.Id)), wanted.Count));
    }

    [Fact]
    public void Without_a_GPU_or_on_the_CPU_none_is_taken()
    {
        Assert.Null(new WorkerGpus([]).Wanted(DeviceChoice.One));
        Assert.Null(new WorkerGpus(s_three).Wanted(null));
    }

    [Theory]
    [InlineData("""{ "devices": "auto" }""", "auto")]
    [InlineData("{}", "1")]
    [InlineData("""{ "device": "cpu", "devices": "2" }""", null)]
    [InlineData("""{ "devices": 2 }""", null)]
    [InlineData("[]", null)]
    public void An_order_asks_by_its_parameters(string with, string? devices) =>
        Assert.Equal(devices, GpuClaims.AskedBy<TrainerParams>(new("run", default, "tune", 1)
        {
            Pipeline = "p",
            Kind = "trainer",
            Key = "",
            With = JsonSerializer.Deserialize<JsonElement>(with),
            Inputs = new Dictionary<string, InputArtifact>(),
            DataFiles = new Dictionary<string, string>(),
        })?.Text);

    [Theory]
    [InlineData("1", "GPU-b", "GPU-b")]
    [InlineData("[2]", "GPU-b", "GPU-a1,GPU-a2,GPU-b")]
    public void A_training_sees_its_own_or_counts_among_all_where_it_names_places(string devices, string held, string seen) =>
        Assert.Equal(seen, new WorkerGpus(s_three).Visible(DeviceChoice.Of(devices)!, [held]));

    [Fact]
    public void The_only_GPU_is_seen_as_it_is() => Assert.Null(new WorkerGpus(s_three[..1]).Visible(DeviceChoice.One, ["GPU-a1"]));
}
