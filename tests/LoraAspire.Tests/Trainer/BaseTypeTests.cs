using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Adapters;
using static TorchSharp.torch;
using Device = LoraAspire.Pipelines.Stages.Device;

namespace LoraAspire.Tests.Trainer;

/// <summary>What a base may be held in, and what is said where it may not.</summary>
public sealed class BaseTypeTests
{
    private static readonly TrainerParams s_fp8 = new() { BaseType = BaseType.Fp8 };

    private static readonly ModelConfig s_config = TinyModel.Config with { HiddenSize = 64, IntermediateSize = 96, HeadDim = 32 };

    [Fact]
    public void A_pipeline_writes_fp8_and_leaves_out_bf16()
    {
        Assert.Equal(BaseType.Fp8, ((TrainerParams)PipelineParser.ParseParams("base_type: fp8", "with.yaml", StageKinds.Trainer)).BaseType);
        Assert.Equal(BaseType.Bf16, new TrainerParams().BaseType);
        Assert.Empty(s_fp8.Validate());
    }

    public static TheoryData<TrainerParams, string> Refused => new()
    {
        { s_fp8 with { FinetuningType = FinetuningType.Full }, "finetuning_type is full" },
        { s_fp8 with { Device = Device.Cpu }, "compute capability 8.9" },
        { s_fp8 with { ComputeType = ComputeType.Float32 }, "compute_type is float32" },
        { s_fp8 with { ComputeType = ComputeType.Float16 }, "compute_type is float16" },
        { s_fp8 with { UseDora = true }, "use_dora" },
    };

    [Theory, MemberData(nameof(Refused))]
    public void Settings_that_need_the_base_whole_are_refused_where_they_are_read(TrainerParams with, string words)
    {
        var (key, problem) = Assert.Single(with.Validate());
        Assert.Equal("base_type", key);
        Assert.Contains(words, problem, StringComparison.Ordinal);
    }

    [Fact]
    public void On_the_CPU_the_stage_says_what_it_needs_before_it_loads_a_weight()
    {
        using TrainerStageRun run = new();
        var error = Assert.Throws<StageException>(() => run.Run(s_fp8 with { Device = Device.Cpu }, "fp8"));
        Assert.Equal("base_type is fp8, but that needs a GPU of compute capability 8.9 or above (Ada, Hopper and later), and this run "
            + "computes on the CPU: leave base_type out.", error.Message);
    }

    [Theory]
    [InlineData(BaseType.Int8, "int8")]
    [InlineData(BaseType.Nf4, "nf4")]
    public void A_base_in_8_or_4_bits_is_not_loaded_for_arithmetic_that_it_cannot_train_in(BaseType type, string name)
    {
        using TrainerStageRun run = new();
        TrainerParams with = new() { BaseType = type, Device = Device.Cpu, ComputeType = ComputeType.Bfloat16 };
        var error = Assert.Throws<StageException>(() => run.Run(with, name));
        Assert.Equal($"base_type is {name}, but this base can't train on the hand-written backward, which that needs (on the CPU it "
            + "computes in float32 and float16 only): leave base_type out.", error.Message);
    }

    [Theory]
    [InlineData(86, "and this one has 8.6")]
    [InlineData(70, "and this one has 7.0")]
    [InlineData(89, null)]
    [InlineData(90, null)]
    [InlineData(120, null)]
    public void An_older_card_is_told_what_it_lacks(int capability, string? words) => Says(words, s_config, capability);

    [Fact]
    public void A_base_without_the_hand_written_backward_is_refused_with_the_reason()
    {
        Says("widths are odd", s_config with { IntermediateSize = 129 });
        Says("no multiples of 16", s_config with { HiddenSize = 72 });
        Says("wider than 32,768", s_config with { IntermediateSize = 40_960 });
        Assert.Contains("bfloat16 only", Fp8.Unsupported(s_config, float32, 90), StringComparison.Ordinal);
    }

    [Fact]
    public void The_base_type_is_part_of_the_stages_identity()
    {
        static string Key(TrainerParams with) =>
            StageKey.Of(StageKey.Identity(StageKinds.Trainer, with, new Dictionary<string, string>(), new Dictionary<string, string>()));
        Assert.NotEqual(Key(new()), Key(s_fp8));
    }

    private static void Says(string? words, ModelConfig config, int capability = 90)
    {
        var why = Fp8.Unsupported(config, bfloat16, capability);
        if (words is null)
        {
            Assert.Null(why);
        }
        else
        {
            Assert.Contains(words, why, StringComparison.Ordinal);
        }
    }
}
