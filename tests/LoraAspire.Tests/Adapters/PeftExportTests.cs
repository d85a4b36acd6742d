using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Adapters;

/// <summary>
/// Writes what PEFT needs to check our adapters to the folder that LORA_EXPORT_DIR names: base/ (a small random Llama), and for each kind
/// of adapter a folder with its files and logits.safetensors (input_ids [2, 24], logits [2, 24, vocab] float32) as this code computes them
/// on the CPU in float32.
/// </summary>
[Collection(TorchRandom.Name)]
public sealed class PeftExportTests
{
    private const string Variable = "LORA_EXPORT_DIR";

    public static TheoryData<string> Kinds => [.. Configs.Keys];

    private static Dictionary<string, LoraConfig> Configs { get; } = new()
    {
        ["lora"] = new(8, 16, 0, ["q_proj", "k_proj", "v_proj", "o_proj"]),
        ["rslora"] = new(8, 16, 0, [AdapterConfig.AllLinear], UseRslora: true),
        ["dora"] = new(8, 16, 0, ["q_proj", "v_proj", "down_proj"]) { UseDora = true },
        ["patterns"] = new(8, 16, 0, ["q_proj", "v_proj", "up_proj"])
        {
            RankPattern = new Dictionary<string, int> { ["layers.0.self_attn.q_proj"] = 2, [@"layers\.\d+\.mlp\.up_proj"] = 4 },
            AlphaPattern = new Dictionary<string, double> { ["v_proj"] = 32 },
        },
        ["modules"] = new(8, 16, 0, ["q_proj", "v_proj"]) { ModulesToSave = ["embed_tokens", "lm_head"] },
        ["layers"] = new(8, 16, 0, ["q_proj", "v_proj"]) { LayersToTransform = [1] },
    };

    [Theory, MemberData(nameof(Kinds))]
    public void An_adapter_is_exported_with_the_logits_it_gives(string kind)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } folder)
        {
            Assert.Skip($"{Variable} is not set: it names the folder to write a base, adapters and our logits to, for PEFT to check.");
            return;
        }
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(TinyModel.Config with
        {
            VocabSize = 320,
            HiddenSize = 64,
            IntermediateSize = 128,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 2,
            HeadDim = 16,
            MaxPositionEmbeddings = 128,
            InitializerRange = 0.1,
        }, CPU, float32, seed: 11);
        TinyModel.Save(model, Directory.CreateDirectory(Path.Combine(folder, "base")).FullName);
        var ids = randint(3, 320, [2, 24], dtype: int64);
        var bare = model.Forward(ids);

        var config = Configs[kind];
        model.AttachFresh(config, seed: 7);
        foreach (var own in model.Linears.Select(linear => linear.Adapter).OfType<LayerAdapter>())
        {
            own[Lora.B].normal_(0, 0.1);
            _ = own.Kind == Dora.Kind ? own[Dora.Magnitude].mul_(rand_like(own[Dora.Magnitude]).add_(0.5)) : null;
        }
        foreach (var (_, weight) in model.TrainedModules())
        {
            weight.add_(randn_like(weight).mul_(0.05));
        }
        using var adapter = model.Detached(config);
        var output = Directory.CreateDirectory(Path.Combine(folder, kind)).FullName;
        adapter.Save(output);
        var logits = model.Forward(ids);
        SafetensorsWriter.Write(Path.Combine(output, "logits.safetensors"),
            [TensorSource.Of("input_ids", ids), TensorSource.Of("logits", logits)]);

        using var read = Adapter.Load(output);
        Assert.Equal(adapter.Layers.Keys.Order(), read.Layers.Keys.Order());
        Assert.True(logits.sub(bare).abs().max().item<float>() > 0.1);
    }
}
