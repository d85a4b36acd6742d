using System.Text.Json;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Pipelines;

public sealed class DeviceChoiceTests
{
    [Theory]
    [InlineData("auto", "auto", null)]
    [InlineData("2", "2", 2)]
    [InlineData("[0,3]", "[0, 3]", 2)]
    [InlineData("[1]", "[1]", 1)]
    public void It_is_read_from_YAML_and_survives_an_order(string written, string text, int? count)
    {
        var with = (TrainerParams)PipelineParser.ParseParams($"devices: {written}", "w.yaml", StageKinds.Trainer);

        var again = JsonSerializer.Deserialize<TrainerParams>(JsonSerializer.Serialize(with, StageKey.ParamsJson), StageKey.ParamsJson)!;

        Assert.Equal((text, count), (again.Devices.Text, again.Devices.Count));
    }

    [Theory]
    [InlineData("0")]
    [InlineData("-1")]
    [InlineData("65")]
    [InlineData("two")]
    [InlineData("[]")]
    [InlineData("[0, 0]")]
    [InlineData("[0, [1]]")]
    [InlineData("{ a: 1 }")]
    [InlineData("1.5")]
    public void Anything_else_is_told_with_what_it_may_be(string written)
    {
        var error = Assert.Throws<PipelineException>(() => PipelineParser.ParseParams($"devices: {written}", "w.yaml", StageKinds.Trainer));

        Assert.Contains("auto, a number of devices", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{ devices: [0, 1], device: cpu }", "names GPUs, but device is cpu")]
    [InlineData("{ shard_base: true }", "there is one: set devices")]
    [InlineData("{ shard_base: true, devices: 2, finetuning_type: full }", "is for a frozen base")]
    [InlineData("{ shard_base: true, devices: 2, base_type: auto }", "is not counted with by base_type auto: name bf16")]
    [InlineData("{ shard_base: true, devices: 2, use_dora: true }", "and use_dora measures them whole: leave one of them out")]
    public void What_does_not_go_together_is_told(string written, string problem)
    {
        var error = Assert.Throws<PipelineException>(() => PipelineParser.ParseParams(written, "w.yaml", StageKinds.Trainer));

        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_stage_is_the_same_on_other_devices()
    {
        static string Key(TrainerParams with) => StageKey.Of(StageKey.Identity(StageKinds.Trainer, with, new Dictionary<string, string>(),
            new Dictionary<string, string>()));

        Assert.Equal(Key(new()), Key(new() { Devices = DeviceChoice.Of("2")!, ShardBase = true }));
        Assert.Equal(Key(new() { KeepCheckpoints = true }), Key(new() { KeepCheckpoints = true, Devices = DeviceChoice.Of("auto")! }));
    }
}
