using LoraAspire.Model.Adapters;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests.Trainer;

/// <summary>Every option of the stage arrives where it changes the adapter.</summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class StageOptionsTests
{
    private static readonly TrainerParams Plain = new()
    {
        BatchSize = 8,
        MaxSteps = 3,
        WarmupSteps = 0,
        ValSetSize = 0,
        LoraDropout = 0,
        LearningRate = 1e-3,
        Device = Device.Cpu,
    };

    private static readonly Dictionary<string, TrainerParams> Variations = new()
    {
        ["plain"] = Plain,
        ["use_rslora"] = Plain with { UseRslora = true },
        ["use_dora"] = Plain with { UseDora = true },
        ["loraplus_lr_ratio"] = Plain with { LoraplusLrRatio = 8 },
        ["neftune_noise_alpha"] = Plain with { NeftuneNoiseAlpha = 5 },
        ["rank_pattern"] = Plain with { RankPattern = new Dictionary<string, int> { ["q_proj"] = 2 } },
        ["alpha_pattern"] = Plain with { AlphaPattern = new Dictionary<string, double> { ["q_proj"] = 2 } },
        ["layers_to_transform"] = Plain with { LayersToTransform = [0] },
        ["lora_dropout"] = Plain with { LoraDropout = 0.2 },
        ["weight_decay"] = Plain with { WeightDecay = 0.5 },
        ["lr_scheduler_type"] = Plain with { LrSchedulerType = LrScheduler.Cosine },
        ["warmup_ratio"] = Plain with { WarmupRatio = 0.5 },
        ["seed"] = Plain with { Seed = 7 },
    };

    [Fact]
    public void Each_option_gives_an_adapter_of_its_own()
    {
        using var stage = new TrainerStageRun();

        var digests = Variations.ToDictionary(variation => variation.Key, variation =>
        {
            stage.Run(variation.Value, variation.Key);
            return Convert.ToHexString(System.Security.Cryptography.SHA256
                .HashData(File.ReadAllBytes(Path.Combine(stage.Adapter(variation.Key), Adapter.FileName))));
        });

        Assert.Equal(digests.Count, digests.Values.Distinct().Count());
        Assert.DoesNotContain(stage.Reports, report => report.Message?.Contains("autograd", StringComparison.Ordinal) is true);
        Assert.Contains(stage.Reports, report => report.Message?.Contains("hand-written", StringComparison.Ordinal) is true);
    }

    [Fact]
    public void The_adapters_settings_say_what_was_asked_for()
    {
        using var stage = new TrainerStageRun();
        stage.Run(Plain with
        {
            UseDora = true,
            RankPattern = new Dictionary<string, int> { ["q_proj"] = 2 },
            AlphaPattern = new Dictionary<string, double> { ["v_proj"] = 4 },
            LayersToTransform = [1],
        }, "asked");

        using var adapter = Adapter.Load(stage.Adapter("asked"));

        Assert.Equal(["model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.v_proj"], adapter.Layers.Keys.Order());
        Assert.Equal((2, 8),
            (adapter.Config.RankOf("model.layers.1.self_attn.q_proj"), adapter.Config.RankOf("model.layers.1.self_attn.v_proj")));
        Assert.Equal(4 / 8.0, adapter.Config.ScaleOf("model.layers.1.self_attn.v_proj"));
        Assert.All(adapter.Layers.Values, layer => Assert.Equal(Dora.Kind, layer.Kind));
        Assert.Equal("pebble", adapter.Config.BaseModelNameOrPath);
    }
}
