using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>Gemma differs from Llama in four ways; each is undone here, and what is left must be the same function.</summary>
[Collection(TorchRandom.Name)]
public sealed class GemmaTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-gemma-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_Gemma_is_a_Llama_of_scaled_embeddings_shifted_norms_and_another_activation()
    {
        using var scope = NewDisposeScope();
        using var gemma = LlamaModel.Initialize(Config(), CPU, float32, seed: 1);
        using var llama = LlamaModel.Initialize(TinyModel.Config with { HiddenAct = "gelu_pytorch_tanh" }, CPU, float32, seed: 1);
        var weights = gemma.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor);
        foreach (var (name, norm) in weights.Where(weight => weight.Key.Contains("norm", StringComparison.Ordinal)))
        {
            norm.uniform_(-0.5, 0.5);
        }
        var embedding = weights["model.embed_tokens.weight"];

        // Its head is the embedding unscaled, its input the embedding times √16 = 4, its norms multiply by 1 + weight.
        llama.ReplaceWeights(llama.Weights().ToDictionary(weight => weight.Name, weight => (weight.Name switch
        {
            "lm_head.weight" => embedding.clone(),
            "model.embed_tokens.weight" => embedding.mul(4),
            var name => name.Contains("norm", StringComparison.Ordinal) ? weights[name].add(1) : weights[name].clone(),
        }).DetachFromDisposeScope()));
        var ids = arange(0, 12, int64).unsqueeze(0);
        var difference = gemma.Forward(ids).sub(llama.Forward(ids)).abs().max().item<float>();

        Assert.DoesNotContain("lm_head.weight", weights.Keys);
        Assert.InRange(difference, 0, 1e-5);
        Assert.Null(gemma.WhyAutograd);
    }

    /// <summary>
    /// gelu_pytorch_tanh at 1: ½·(1 + tanh(0.7978845608·1.044715)) = 0.841191990; at −2: −(1 + tanh(0.7978845608·(−2 − 0.35772))) =
    /// −0.045402306.
    /// </summary>
    [Fact]
    public void The_activation_is_the_tanh_form_of_GELU()
    {
        using var scope = NewDisposeScope();
        var y = Activations.GeluTanh(tensor(new[] { 1f, -2f }));

        Assert.Equal(0.841191990, y[0].item<float>(), 1e-6);
        Assert.Equal(-0.045402306, y[1].item<float>(), 1e-6);
    }

    [Theory]
    [InlineData("""{ "hidden_act": "gelu" }""", true)]
    [InlineData("""{ "hidden_act": "gelu", "hidden_activation": "gelu_pytorch_tanh" }""", true)]
    [InlineData("""{ "hidden_act": "silu" }""", false)]
    [InlineData("""{ "hidden_act": "gelu_pytorch_tanh", "hidden_activation": "relu" }""", false)]
    public void Its_activation_is_read_as_transformers_reads_it(string fields, bool known)
    {
        if (known)
        {
            var config = Config(fields);
            Assert.Equal(("gelu_pytorch_tanh", true, 4.0, true),
                (config.HiddenAct, config.NormPlusOne, config.EmbeddingScale, config.TieWordEmbeddings));
        }
        else
        {
            Assert.Contains("hidden_act", Assert.Throws<ModelException>(() => Config(fields)).Message, StringComparison.Ordinal);
        }
    }

    private ModelConfig Config(string fields = "{}")
    {
        var json = JsonSerializer.Deserialize<Dictionary<string, object>>(fields)!;
        foreach (var (key, value) in new Dictionary<string, object>
        {
            ["model_type"] = "gemma",
            ["vocab_size"] = 32,
            ["hidden_size"] = 16,
            ["intermediate_size"] = 24,
            ["num_hidden_layers"] = 2,
            ["num_attention_heads"] = 2,
            ["num_key_value_heads"] = 1,
            ["head_dim"] = 8,
            ["max_position_embeddings"] = 32,
            ["rms_norm_eps"] = 1e-5,
            ["initializer_range"] = 0.3,
        })
        {
            json[key] = value;
        }
        File.WriteAllText(Path.Combine(_folder, "config.json"), JsonSerializer.Serialize(json));
        return ModelConfig.Load(_folder);
    }
}
