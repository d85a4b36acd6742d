using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Adapters;

/// <summary>An adapter's file holds what its settings call for, all of it and nothing else.</summary>
public sealed class AdapterFileTests : IDisposable
{
    private const string Layer = "base_model.model.model.layers.0.self_attn.q_proj.";
    private static readonly LoraConfig Plain = new(2, 4, 0, ["q_proj"]);

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-adapter-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Names_with_and_without_weight_are_read_as_DoRAs_lengths()
    {
        foreach (var name in new[] { "lora_magnitude_vector", "lora_magnitude_vector.weight" })
        {
            Write(Plain with { UseDora = true }, (Layer + "lora_A.weight", [2, 8]), (Layer + "lora_B.weight", [6, 2]), (Layer + name, [6]));

            using var adapter = Adapter.Load(_folder);

            Assert.Equal([6], adapter.Layers["model.layers.0.self_attn.q_proj"][Dora.Magnitude].shape);
        }
    }

    [Fact]
    public void A_tensor_too_few_or_too_many_is_refused_with_its_name()
    {
        (string, long[]) a = (Layer + "lora_A.weight", [2, 8]), b = (Layer + "lora_B.weight", [6, 2]);

        AssertRefused(Plain, "has no lora_B.weight, which LoRA has", a);
        AssertRefused(Plain, "saved empty");
        AssertRefused(Plain, "doesn't fit rank 2", a, (Layer + "lora_B.weight", [6, 3]));
        AssertRefused(Plain, "lora_magnitude_vector' of shape [6]", a, b, (Layer + "lora_magnitude_vector", [6]));
        AssertRefused(Plain, "norm.weight' of shape [8]", a, b, ("base_model.model.model.norm.weight", [8]));
        AssertRefused(Plain, "q_proj.base_layer.weight' of shape [6, 8]", a, b, (Layer + "base_layer.weight", [6, 8]));
        AssertRefused(Plain, "lora_embedding_A' is LoRA on an embedding", a, b,
            ("base_model.model.model.embed_tokens.lora_embedding_A", [2, 32]));
        AssertRefused(Plain, "holds lora_A.weight of layer model.layers.0.self_attn.q_proj twice", a, b,
            (Layer + "lora_A.default.weight", [2, 8]));
        AssertRefused(Plain, "'x.lora_A.weight'", ("x.lora_A.weight", [2, 8]));
        AssertRefused(Plain with { UseDora = true }, "has no lora_magnitude_vector, which DoRA has", a, b);
        AssertRefused(Plain with { UseDora = true }, "is [5], but by its other tensors the layer is [6, 8]", a, b,
            (Layer + "lora_magnitude_vector", [5]));
        AssertRefused(Plain with { ModulesToSave = ["lm_head"] }, "no 'lm_head'", a, b);
        AssertRefused(Plain with { RankPattern = new Dictionary<string, int> { ["q_proj"] = 3 } }, "doesn't fit rank 3", a, b);
    }

    [Theory]
    [InlineData("lora_A.weight")]
    [InlineData("lora_A.default.weight")]
    [InlineData("lora_B.weight")]
    public void An_empty_tensor_of_ZeRO_3_is_refused_by_its_name(string name) =>
        AssertRefused(Plain, $"q_proj.{name}' is empty, [0]. DeepSpeed's ZeRO-3", (Layer + name, [0]));

    private void AssertRefused(LoraConfig config, string message, params (string Name, long[] Shape)[] tensors)
    {
        Write(config, tensors);
        Assert.Contains(message, Assert.Throws<ModelException>(() => Adapter.Load(_folder)).Message, StringComparison.Ordinal);
    }

    private void Write(LoraConfig config, params (string Name, long[] Shape)[] tensors)
    {
        config.Save(_folder);
        SafetensorsWriter.Write(Path.Combine(_folder, Adapter.FileName),
            tensors.Select(tensor => new TensorSource(tensor.Name, ScalarType.Float32, tensor.Shape, () => zeros(tensor.Shape, float32))));
    }
}
