using System.Text.Json.Nodes;
using LoraAspire.Model;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

[Collection(TorchRandom.Name)]
public sealed class RopeTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-config-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>
    /// 10000 · (2·48/32 − 1)^(8/6) = 10000 · 2^(4/3) = 25198.42 is the base, so the slowest of four pairs turns 25198.42^(−3/4) = 0.0005.
    /// </summary>
    [Fact]
    public void Dynamic_scaling_enlarges_the_base_with_the_row()
    {
        var rope = new RopeScaling("dynamic", Factor: 2, OriginalMaxPositionEmbeddings: 32);

        AssertClose([1, 0.1, 0.01, 0.001], rope.InverseFrequencies(10_000, 8, 32));
        AssertClose([1, 0.0793700526, 0.00629960525, 0.0005], rope.InverseFrequencies(10_000, 8, 48));
    }

    [Fact]
    public void A_dynamic_model_reads_beyond_its_context_as_one_of_that_longer_base()
    {
        using var scope = NewDisposeScope();
        var plain = TinyModel.Config with { MaxPositionEmbeddings = 64 };
        var dynamic = TinyModel.Config with { Rope = new RopeScaling("dynamic", 2, OriginalMaxPositionEmbeddings: 32) };
        using LlamaModel model = Model(dynamic), base32 = Model(plain), base48 =
            Model(plain with { RopeTheta = 10_000 * Math.Pow(2, 4 / 3.0) });
        var ids = arange(0, 48, int64).remainder(32).unsqueeze(0);

        Assert.Equal(64, dynamic.Context);
        Assert.Equal(0, Difference(model.Forward(ids.narrow(1, 0, 32)), base32.Forward(ids.narrow(1, 0, 32))));
        Assert.InRange(Difference(model.Forward(ids), base48.Forward(ids)), 0, 1e-5);
        Assert.True(Difference(model.Forward(ids), base32.Forward(ids)) > 1e-3);
        Assert.Throws<ModelException>(() => model.Forward(zeros([1, 65], int64)));
    }

    /// <summary>
    /// head_dim 16, base 10000, original context 64: 32 turns fall on dimension 16·ln(64/64π)/(2·ln 10000) = −0.99, one turn on 2.02; whole
    /// and inside, 0 and 3. So pairs 0 to 3 are divided by 1 … 4 along the ramp 0, ⅓, ⅔, 1, and all behind by 4. Attention's factor is
    /// 0.1·ln 4 + 1.
    /// </summary>
    [Fact]
    public void Yarn_keeps_fast_pairs_and_interpolates_slow_ones()
    {
        var config = Config("""{ "rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64 }""");

        Assert.Equal(1.138629436111989, config.Rope.AttentionFactor, 1e-12);
        AssertClose([1, 0.237170825, 0.05, 0.00790569415, 0.0025, 0.000790569415, 0.00025, 0.0000790569415],
            config.Rope.InverseFrequencies(10_000, 16, 256));
    }

    /// <summary>Original context 4096: 16 turns fall on 3.2201, two on 5.0263, and the ramp is (i − 3.2201) / 1.8062.</summary>
    [Fact]
    public void Yarn_takes_its_bounds_as_given_and_does_not_round_them_where_truncate_is_off()
    {
        var config = Config(
            """{ "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 4096, "beta_fast": 16, "beta_slow": 2, "truncate": """
                + """false, "attention_factor": 0.5 }""");

        Assert.Equal(0.5, config.Rope.AttentionFactor);
        AssertClose([1, 0.316227766, 0.1, 0.0316227766, 0.0067616192, 0.000825104359, 0.00025, 0.0000790569415],
            config.Rope.InverseFrequencies(10_000, 16, 16384));
    }

    [Fact]
    public void Yarns_factors_follow_from_mscale_and_from_the_two_contexts()
    {
        Assert.Equal(0.9210423553163399,
            Config("""{ "rope_type": "yarn", "factor": 40, "mscale": 0.707, "mscale_all_dim": 1.0 }""").Rope.AttentionFactor, 1e-12);
        Assert.Equal(4, Config("""{ "rope_type": "yarn", "original_max_position_embeddings": 64 }""").Rope.Factor);
    }

    [Fact]
    public void Yarns_attention_factor_stretches_the_turned_vectors()
    {
        using var scope = NewDisposeScope();
        var yarn = new RopeScaling("yarn", 1, OriginalMaxPositionEmbeddings: 32); // a factor of 1 leaves every frequency
        using LlamaModel plain = Model(TinyModel.Config), same = Model(TinyModel.Config with { Rope = yarn }), stretched =
            Model(TinyModel.Config with { Rope = yarn with { AttentionFactor = 1.5 } });
        var ids = arange(0, 8, int64).unsqueeze(0);

        Assert.InRange(Difference(plain.Forward(ids), same.Forward(ids)), 0, 1e-6);
        Assert.True(Difference(plain.Forward(ids), stretched.Forward(ids)) > 1e-3);
    }

    [Theory]
    [InlineData("""{ "rope_type": "longrope", "factor": 4 }""", "'rope_type' is 'longrope'")]
    [InlineData("""{ "rope_type": "yarn", "factor": 0.5 }""", "'factor' is 0.5")]
    [InlineData("""{ "rope_type": "dynamic" }""", "'factor' is missing")]
    [InlineData("""{ "rope_type": "linear", "mrope_section": [1] }""", "'mrope_section'")]
    public void Scaling_that_is_not_computed_here_is_refused_by_its_field(string rope, string message)
    {
        Assert.Contains(message, Assert.Throws<ModelException>(() => Config(rope)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("model_type", "\"gemma3\"")]
    [InlineData("hidden_act", "\"gelu\"")]
    [InlineData("mlp_bias", "true")]
    [InlineData("final_logit_softcapping", "30.0")]
    [InlineData("num_local_experts", "8")]
    [InlineData("partial_rotary_factor", "0.5")]
    [InlineData("hidden_size", "-4")]
    public void A_field_that_is_not_supported_is_refused_by_its_name(string field, string value) =>
        Assert.Contains($"'{field}'", Assert.Throws<ModelException>(() => Config(null, (field, value))).Message, StringComparison.Ordinal);

    private ModelConfig Config(string? rope, params (string Field, string Value)[] changes)
    {
        var json = JsonNode.Parse("""
            { "model_type": "llama", "vocab_size": 32, "hidden_size": 32, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2, "max_position_embeddings": 256 }
            """)!;
        json["rope_scaling"] = rope is null ? null : JsonNode.Parse(rope);
        foreach (var (field, value) in changes)
        {
            json[field] = JsonNode.Parse(value);
        }
        File.WriteAllText(Path.Combine(_folder, "config.json"), json.ToJsonString());
        return ModelConfig.Load(_folder);
    }

    private static LlamaModel Model(ModelConfig config) => LlamaModel.Initialize(config, CPU, float32, seed: 3);

    private static float Difference(Tensor one, Tensor other) => one.sub(other).abs().max().item<float>();

    private static void AssertClose(double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(1, pair.Second / pair.First, 2e-6));
    }
}
