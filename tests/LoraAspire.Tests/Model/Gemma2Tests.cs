using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>
/// Gemma 2 against its formulas (Gemma Team 2024) written out in float64: plain loops over arrays, of which nothing is shared with the
/// network.
/// </summary>
[Collection(TorchRandom.Name)]
public sealed class Gemma2Tests : IDisposable
{
    private const int Hidden = 8, Inner = 12, Layers = 2, Heads = 2, HeadDim = 4, Vocabulary = 12, Length = 7, Window = 3;
    private const double Scalar = 6, ScoreCap = 2, LogitCap = 3, Epsilon = 1e-6, Theta = 10_000;

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-gemma2-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Its_logits_are_those_of_its_formulas_whole_and_token_by_token()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(Config(), CPU, float32, seed: 3);
        foreach (var (_, norm) in model.Weights().Where(weight => weight.Name.Contains("norm", StringComparison.Ordinal)))
        {
            norm.uniform_(-0.5, 0.5);
        }
        int[] ids = [3, 1, 4, 1, 5, 9, 2];
        var expected = Reference(
            model.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor.to(float64).data<double>().ToArray()), ids);

        var whole = model.Forward(tensor(ids, int64).unsqueeze(0))[0];
        using var cache = new KvCache(model.Config, 1, Length, CPU, float32);
        var stepwise = cat([.. ids.Select(id => model.Forward(tensor(new long[] { id }).unsqueeze(0), cache)[0])], 0);

        // Float32 against float64, in sums of a dozen terms of size one.
        Assert.Equal(expected, whole.to(float64).data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 2e-5);
        Assert.Equal(expected, stepwise.to(float64).data<double>().ToArray(), (a, b) => Math.Abs(a - b) < 2e-5);
        Assert.All(expected, logit => Assert.InRange(logit, -LogitCap, LogitCap));
        Assert.DoesNotContain("lm_head.weight", model.Weights().Select(weight => weight.Name));
    }

    [Fact]
    public void What_its_config_leaves_out_is_as_transformers_has_it_and_a_cap_of_null_is_none()
    {
        var usual = Config(new()
        {
            ["attn_logit_softcapping"] = null,
            ["query_pre_attn_scalar"] = Absent,
            ["sliding_window"] = Absent,
            ["final_logit_softcapping"] = Absent
        });

        Assert.Equal((null, 30.0, 1.0 / 16), (usual.ScoreCap, usual.LogitCap, usual.AttentionScale));
        Assert.Equal([4096, null], usual.SlidingWindow);
    }

    [Theory]
    [InlineData("llama")]
    [InlineData("gemma")]
    public void Another_family_refuses_a_cap_that_it_would_pass_over(string family) =>
        Assert.Contains("attn_logit_softcapping", Assert.Throws<ModelException>(
            () => Config(new() { ["model_type"] = family, ["hidden_activation"] = Absent })).Message, StringComparison.Ordinal);

    private static readonly object Absent = new();

    private ModelConfig Config(Dictionary<string, object?>? others = null)
    {
        Dictionary<string, object?> json = new()
        {
            ["model_type"] = "gemma2",
            ["vocab_size"] = Vocabulary,
            ["hidden_size"] = Hidden,
            ["intermediate_size"] = Inner,
            ["num_hidden_layers"] = Layers,
            ["num_attention_heads"] = Heads,
            ["num_key_value_heads"] = 1,
            ["head_dim"] = HeadDim,
            ["max_position_embeddings"] = 32,
            ["rms_norm_eps"] = Epsilon,
            ["initializer_range"] = 0.5,
            ["query_pre_attn_scalar"] = Scalar,
            ["sliding_window"] = Window,
            ["attn_logit_softcapping"] = ScoreCap,
            ["final_logit_softcapping"] = LogitCap,
            ["hidden_activation"] = "gelu_pytorch_tanh",
        };
        foreach (var (name, value) in others ?? [])
        {
            json[name] = value;
        }
        File.WriteAllText(Path.Combine(_folder, "config.json"),
            JsonSerializer.Serialize(json.Where(field => field.Value != Absent).ToDictionary()));
        return ModelConfig.Load(_folder);
    }

    /// <returns>Logits, position by position.</returns>
    private static double[] Reference(Dictionary<string, double[]> weights, int[] ids)
    {
        var embedding = weights["model.embed_tokens.weight"];
        var x = ids.Select(id => Row(embedding, id, Hidden).Select(value => value * Math.Sqrt(Hidden)).ToArray()).ToArray();
        for (var layer = 0; layer < Layers; layer++)
        {
            var window = layer % 2 == 0 ? Window : int.MaxValue;
            double[] Weight(string name) => weights[$"model.layers.{layer}.{name}.weight"];
            var normed = x.Select(row => Norm(row, Weight("input_layernorm"))).ToArray();
            var q = normed.Select((row, t) => Rotate(Times(Weight("self_attn.q_proj"), row), t)).ToArray();
            var k = normed.Select((row, t) => Rotate(Times(Weight("self_attn.k_proj"), row), t)).ToArray();
            var v = normed.Select(row => Times(Weight("self_attn.v_proj"), row)).ToArray();
            for (var t = 0; t < ids.Length; t++)
            {
                var context = Enumerable.Range(0, Heads).SelectMany(head => Attend(q, k, v, t, head, window)).ToArray();
                x[t] = Plus(x[t], Norm(Times(Weight("self_attn.o_proj"), context), Weight("post_attention_layernorm")));
            }
            for (var t = 0; t < ids.Length; t++)
            {
                var input = Norm(x[t], Weight("pre_feedforward_layernorm"));
                var middle =
                    Times(Weight("mlp.gate_proj"), input).Zip(Times(Weight("mlp.up_proj"), input), (gate, up) => Gelu(gate) * up).ToArray();
                x[t] = Plus(x[t], Norm(Times(Weight("mlp.down_proj"), middle), Weight("post_feedforward_layernorm")));
            }
        }
        return [.. x.SelectMany(
            row => Times(embedding, Norm(row, weights["model.norm.weight"])).Select(logit => LogitCap * Math.Tanh(logit / LogitCap)))];
    }

    private static double[] Attend(double[][] q, double[][] k, double[][] v, int t, int head, int window)
    {
        var seen = Enumerable.Range(0, t + 1).Where(s => t - s < window).ToArray();
        var query = q[t].AsSpan(head * HeadDim, HeadDim).ToArray();
        var powers = seen.Select(s => Math.Exp(ScoreCap * Math.Tanh(query.Zip(k[s], (a, b) => a * b).Sum() / Math.Sqrt(Scalar) / ScoreCap)))
            .ToArray();
        return [.. Enumerable.Range(0, HeadDim).Select(d => seen.Select((s, i) => powers[i] / powers.Sum() * v[s][d]).Sum())];
    }

    private static double[] Norm(double[] x, double[] weight)
    {
        var scale = 1 / Math.Sqrt(x.Average(value => value * value) + Epsilon);
        return [.. x.Zip(weight, (value, w) => value * scale * (1 + w))];
    }

    /// <summary>Each head's first half with its second, by position · θ^(−2i / head_dim).</summary>
    private static double[] Rotate(double[] x, int position)
    {
        var turned = new double[x.Length];
        for (var start = 0; start < x.Length; start += HeadDim)
        {
            for (var i = 0; i < HeadDim / 2; i++)
            {
                var (sin, cos) = Math.SinCos(position * Math.Pow(Theta, -2.0 * i / HeadDim));
                var (a, b) = (x[start + i], x[start + i + (HeadDim / 2)]);
                (turned[start + i], turned[start + i + (HeadDim / 2)]) = ((a * cos) - (b * sin), (b * cos) + (a * sin));
            }
        }
        return turned;
    }

    private static double Gelu(double x) => 0.5 * x * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (x + (0.044715 * x * x * x))));

    private static double[] Times(double[] matrix, double[] x) =>
        [.. Enumerable.Range(0, matrix.Length / x.Length).Select(row => Row(matrix, row, x.Length).Zip(x, (a, b) => a * b).Sum())];

    private static double[] Row(double[] matrix, int row, int width) => matrix[(row * width)..((row + 1) * width)];

    private static double[] Plus(double[] a, double[] b) => [.. a.Zip(b, (x, y) => x + y)];
}
