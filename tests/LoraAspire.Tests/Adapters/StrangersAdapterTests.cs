using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Trainer;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Adapters;

/// <summary>Adapters that other people trained and published.</summary>
[Collection(TorchRandom.Name)]
public sealed class StrangersAdapterTests
{
    [Fact]
    public void An_adapter_for_Qwen_attaches_to_a_base_of_its_shapes_and_changes_what_it_says()
    {
        using var scope = NewDisposeScope();
        using var adapter = Adapter.Load(GoldenFolder.Require(GoldenFolder.SharedData, "adapters/qwen2.5-0.5b-r8"));
        using var model = LlamaModel.Initialize(TinyModel.Config with
        {
            ModelType = "qwen2",
            HiddenSize = 896,
            NumHiddenLayers = 24,
            NumAttentionHeads = 14,
            NumKeyValueHeads = 2,
            HeadDim = 64,
            QkvBias = true,
            SlidingWindow = new int?[24],
            InitializerRange = 0.02,
        }, CPU, float32, seed: 1);
        var ids = tensor(new long[] { 1, 5, 9, 13 }).unsqueeze(0);
        var before = model.Forward(ids);

        model.Attach(adapter);
        var after = model.Forward(ids);

        Assert.Equal((48, 2.0), (adapter.Layers.Count, adapter.Layers.Values.First().Scale));
        Assert.True(after.isfinite().all().item<bool>());
        Assert.True(after.sub(before).abs().max().item<float>() > 1e-3);
    }

    [Fact]
    public void An_adapter_for_Bloom_is_read_to_its_last_number_and_refused_by_the_field_that_is_not_ours()
    {
        var folder = GoldenFolder.Require(GoldenFolder.SharedData, "adapters/bloom-560m-r8-bin");
        using var file = TensorFile.Open(Path.Combine(folder, "adapter_model.bin"));

        Assert.Equal(48, file.Tensors.Count);
        Assert.Equal([16, 1024], file.Tensors["base_model.model.transformer.h.0.self_attention.query_key_value.lora_A.weight"].Shape);
        Assert.All(file.Tensors.Keys, name =>
        {
            using var tensor = file.Read(name);
            Assert.True(tensor.isfinite().all().item<bool>() && tensor.abs().max().item<float>() > 1e-4, name);
        });
        Assert.Contains("'fan_in_fan_out' is true", Assert.Throws<ModelException>(() => Adapter.Load(folder)).Message,
            StringComparison.Ordinal);
    }

    public static TheoryData<string> Pickled => GoldenFolder.Cases("lora", holding: "final_adapter_bin");

    [Theory, MemberData(nameof(Pickled)), Trait("Category", "Goldens")]
    public void A_pickled_adapter_is_the_same_as_its_safetensors(string name)
    {
        var folder = GoldenFolder.At(name);
        using Adapter pickled = Adapter.Load(Path.Combine(folder, "final_adapter_bin")), plain =
            Adapter.Load(Path.Combine(folder, "final_adapter"));

        Assert.Equal(0, LoraCase.Difference(pickled, plain));
    }
}
