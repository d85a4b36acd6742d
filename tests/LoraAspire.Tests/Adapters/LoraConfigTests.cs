using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Adapters;

[Collection(TorchRandom.Name)]
public sealed class LoraConfigTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-config-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static readonly LoraConfig Patterned = new(8, 16, 0, ["q_proj", "down_proj"])
    {
        RankPattern =
            new Dictionary<string, int> { ["layers.0.self_attn.q_proj"] = 2, [@"layers\.\d+\.self_attn\.q_proj"] = 4, ["proj"] = 99 },
        AlphaPattern = new Dictionary<string, double> { ["down_proj"] = 32, ["^model.layers.1.self_attn.q_proj"] = 1 },
    };

    /// <summary>
    /// re.match(rf"(.*\.)?({key})$", path): the end of a path from a dot on, so "proj" is none; the first key in order counts.
    /// </summary>
    [Theory]
    [InlineData("model.layers.0.self_attn.q_proj", 2, 8)]
    [InlineData("model.layers.1.self_attn.q_proj", 4, 0.25)]
    [InlineData("model.layers.11.self_attn.q_proj", 4, 4)]
    [InlineData("model.layers.0.mlp.down_proj", 8, 4)]
    [InlineData("model.layers.0.mlp.up_proj", 8, 2)]
    public void Patterns_name_layers_as_PEFT_reads_them(string layer, int rank, double scale) =>
        Assert.Equal((rank, scale), (Patterned.RankOf(layer), Patterned.ScaleOf(layer)));

    [Fact]
    public void RsLoRA_divides_by_the_root_of_the_layers_own_rank()
    {
        var config = Patterned with { UseRslora = true };

        Assert.Equal(16 / Math.Sqrt(2), config.ScaleOf("model.layers.0.self_attn.q_proj"), 1e-12);
        Assert.Equal(32 / Math.Sqrt(8), config.ScaleOf("model.layers.0.mlp.down_proj"), 1e-12);
    }

    [Fact]
    public void Settings_survive_the_file_in_their_order()
    {
        var config = Patterned with
        {
            UseDora = true,
            ModulesToSave = ["lm_head"],
            LayersToTransform = [0, 1],
            LoraDropout = 0.1,
            BaseModelNameOrPath = "base"
        };
        config.Save(_folder);

        var read = Assert.IsType<LoraConfig>(AdapterConfig.Load(_folder));

        Assert.Equal(config.RankPattern.ToList(), read.RankPattern.ToList());
        Assert.Equal(config.AlphaPattern.ToList(), read.AlphaPattern.ToList());
        Assert.Equal((true, 8, 16.0, 0.1, "base"), (read.UseDora, read.R, read.LoraAlpha, read.LoraDropout, read.BaseModelNameOrPath));
        Assert.Equal(config.ModulesToSave, read.ModulesToSave);
        Assert.Equal(config.LayersToTransform, read.LayersToTransform);
        Assert.Equal(config.TargetModules, read.TargetModules);
    }

    [Fact]
    public void Adapters_go_to_the_layers_that_are_named_and_to_no_other()
    {
        using var model = Tiny();

        model.AttachFresh(new LoraConfig(4, 8, 0, [AdapterConfig.AllLinear])
        {
            LayersToTransform = [1],
            RankPattern = new Dictionary<string, int> { ["v_proj"] = 1 }
        }, seed: 1);

        Assert.All(model.Linears, linear => Assert.Equal(linear.Name.Contains(".layers.1."), linear.Adapter is not null));
        Assert.Equal(1, model.Linears.Single(linear => linear.Name == "model.layers.1.self_attn.v_proj").Adapter![Lora.A].size(0));
        Assert.Null(model.WhyAutograd);
    }

    [Fact]
    public void The_hand_written_backward_gives_layers_of_unlike_rank_and_scale_the_gradients_of_autograd()
    {
        using var scope = NewDisposeScope();
        using var model = Tiny();
        model.AttachFresh(new LoraConfig(4, 8, 0, [AdapterConfig.AllLinear])
        {
            RankPattern = new Dictionary<string, int> { ["k_proj"] = 1, [@"layers\.1\.mlp\..*"] = 11 },
            AlphaPattern = new Dictionary<string, double> { ["v_proj"] = 40, ["up_proj"] = 2 },
        }, seed: 1);
        foreach (var linear in model.Linears)
        {
            linear.Adapter![Lora.B].normal_(0, 0.3);
        }
        using var parameters = ParameterSet.OfAdapters(model);
        var rows = new[] { 9, 5 }
            .Select(length => new TrainingRow([.. Enumerable.Range(3, length)], [.. Enumerable.Range(3, length)], 0.1f)).ToList();

        Tensor Gradients(bool autograd)
        {
            using var objective = new Objective(model, autograd: autograd);
            Assert.StartsWith(autograd ? "autograd" : "hand-written", objective.Path);
            parameters.Gradients.zero_();
            objective.BeginStep();
            objective.Backward(new MicroBatch(rows), seed: 0);
            objective.EndStep();
            return parameters.Gradients.clone();
        }
        var expected = Gradients(autograd: true);

        Assert.True(expected.abs().max().item<float>() > 1e-2);
        Assert.InRange(Gradients(autograd: false).sub(expected).abs().max().item<float>(), 0, 1e-5);
    }

    [Theory]
    [InlineData("rank_pattern")]
    [InlineData("alpha_pattern")]
    public void A_pattern_that_fits_nothing_is_refused(string which)
    {
        using var model = Tiny();
        var config = new LoraConfig(4, 8, 0, ["q_proj"]);
        config = which == "rank_pattern" ? config with { RankPattern = new Dictionary<string, int> { ["q_porj"] = 2 } }
            : config with { AlphaPattern = new Dictionary<string, double> { ["q_porj"] = 2 } };

        Assert.Contains($"{which}: 'q_porj' matches none", Assert.Throws<ModelException>(() => model.AttachFresh(config, 1)).Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void What_can_not_be_done_is_refused_by_its_field()
    {
        using LlamaModel model = Tiny(), tied = LlamaModel.Initialize(TinyModel.Config with { TieWordEmbeddings = true }, CPU, float32, 1);
        var config = new LoraConfig(4, 8, 0, ["q_proj"]);
        void Refused(LlamaModel of, LoraConfig what, string message) =>
            Assert.Contains(message, Assert.Throws<ModelException>(() => of.AttachFresh(what, 1)).Message, StringComparison.Ordinal);

        Refused(model, config with { LayersToTransform = [0, 7] }, "layers_to_transform: there is no layer 7");
        Refused(model, config with { RankPattern = new Dictionary<string, int> { ["("] = 1 } }, "not a regular expression");
        Refused(model, config with { ModulesToSave = ["norm"] }, "modules_to_save: 'norm'");
        Refused(tied, config with { ModulesToSave = ["embed_tokens"] }, "tie_word_embeddings");
    }

    [Theory]
    [InlineData("\"bias\": \"all\"", "'bias'")]
    [InlineData("\"fan_in_fan_out\": true", "'fan_in_fan_out'")]
    [InlineData("\"lora_bias\": true", "'lora_bias'")]
    [InlineData("\"layer_replication\": [[0, 1]]", "'layer_replication'")]
    [InlineData("\"trainable_token_indices\": [1]", "'trainable_token_indices'")]
    [InlineData("\"peft_type\": \"IA3\"", "'peft_type' is 'IA3'; supported are LORA")]
    public void An_adapter_of_another_kind_is_refused_by_its_field(string field, string message)
    {
        File.WriteAllText(Path.Combine(_folder, AdapterConfig.FileName),
            $$"""{ "r": 8, "lora_alpha": 16, "target_modules": ["q_proj"], {{field}} }""");

        Assert.Contains(message, Assert.Throws<ModelException>(() => AdapterConfig.Load(_folder)).Message, StringComparison.Ordinal);
    }

    private static LlamaModel Tiny() => LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 4);
}
