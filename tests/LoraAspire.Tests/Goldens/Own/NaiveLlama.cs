using System.Text.Json;

namespace LoraAspire.Tests.Goldens.Own;

/// <summary>
/// The decoders of this project by their papers' formulas: plain loops over float64, one row at a time, nothing kept and nothing shared
/// with the product. Llama
/// (Touvron 2023; rotary scaling: linear, and Llama 3's), Mistral's window, Qwen 2's biases, Qwen 3's head norms, Gemma 1 and 2.
/// </summary>
/// <param name="config">config.json, with the classic keys or those of transformers 5.</param>
/// <param name="weights">By the names of the checkpoint, row by row.</param>
internal sealed class NaiveLlama(JsonElement config, IReadOnlyDictionary<string, Num[]> weights)
{
    private readonly string _family = config.GetProperty("model_type").GetString()!;
    private readonly int _hidden = (int)Number("hidden_size", config)!, _heads = (int)Number("num_attention_heads", config)!;
    private readonly double _epsilon = Number("rms_norm_eps", config)!.Value;

    private bool IsGemma => _family is "gemma" or "gemma2";

    private int KeyHeads => (int)(Number("num_key_value_heads", config) ?? _heads);

    private int HeadDim => (int)(Number("head_dim", config) ?? _hidden / _heads);

    /// <returns>[ids, vocabulary]</returns>
    public Num[][] Logits(params int[] ids)
    {
        var embedding = weights["model.embed_tokens.weight"];
        var scale = IsGemma ? Math.Sqrt(_hidden) : 1;
        var x = ids.Select(id => embedding[(id * _hidden)..((id + 1) * _hidden)].Select(value => value * scale).ToArray()).ToArray();
        for (var layer = 0; layer < (int)Number("num_hidden_layers", config)!; layer++)
        {
            x = Layer(x, layer);
        }
        var head = weights.GetValueOrDefault("lm_head.weight", embedding);
        var cap = Cap("final_logit_softcapping");
        return [.. x.Select(row => Times(head, Norm(row, weights["model.norm.weight"])).Select(cap).ToArray())];
    }

    /// <returns>The cross-entropies of the row's targets, summed: a label is predicted by the token before it, and -100 is none.</returns>
    public Num SummedLoss(int[] ids, int[] labels)
    {
        var logits = Logits(ids);
        return Num.Sum(Enumerable.Range(1, ids.Length - 1).Where(t => labels[t] != -100)
            .Select(t => Num.Log(Num.Sum(logits[t - 1].Select(Num.Exp))) - logits[t - 1][labels[t]]));
    }

    private Num[][] Layer(Num[][] x, int layer)
    {
        string Name(string part) => $"model.layers.{layer}.{part}";
        Num[] Weight(string part) => weights[Name(part) + ".weight"];
        // What attention and MLP give is normed too in Gemma 2, whose norms before are named otherwise.
        var beforeMlp = _family == "gemma2" ? "pre_feedforward_layernorm" : "post_attention_layernorm";
        Num[] Given(Num[] row, string norm) => _family == "gemma2" ? Norm(row, Weight(norm)) : row;

        Num[] Project(string part, Num[] row)
        {
            var product = Times(Weight("self_attn." + part), row);
            return weights.TryGetValue(Name($"self_attn.{part}.bias"), out var bias) ? Plus(product, bias) : product;
        }
        Num[] Turned(string part, Num[] row, int position) => [.. Project(part + "_proj", row).Chunk(HeadDim)
            .Select(head => weights.TryGetValue(Name($"self_attn.{part}_norm.weight"), out var norm) ? Norm(head, norm) : head)
            .SelectMany(head => Rotate(head, position))];

        var normed = x.Select(row => Norm(row, Weight("input_layernorm"))).ToArray();
        var q = normed.Select((row, t) => Turned("q", row, t)).ToArray();
        var k = normed.Select((row, t) => Turned("k", row, t)).ToArray();
        var v = normed.Select(row => Project("v_proj", row)).ToArray();
        return [.. x.Select((row, t) =>
        {
            var seen = Enumerable.Range(0, t + 1).Where(s => t - s < Window(layer)).ToArray();
            var context = Enumerable.Range(0, _heads).SelectMany(head => Attend(q[t], k, v, seen, head)).ToArray();
            row = Plus(row, Given(Project("o_proj", context), "post_attention_layernorm"));
            var input = Norm(row, Weight(beforeMlp));
            var middle = Times(Weight("mlp.gate_proj"), input).Zip(Times(Weight("mlp.up_proj"), input), (gate, up) => Activation(gate) * up)
                .ToArray();
            return Plus(row, Given(Times(Weight("mlp.down_proj"), middle), "post_feedforward_layernorm"));
        })];
    }

    private Num[] Attend(Num[] query, Num[][] k, Num[][] v, int[] seen, int head)
    {
        var (own, shared) = (head * HeadDim, head / (_heads / KeyHeads) * HeadDim);
        var scale = 1 / Math.Sqrt(_family == "gemma2" ? Number("query_pre_attn_scalar", config)!.Value : HeadDim);
        var cap = Cap("attn_logit_softcapping");
        var powers = seen.Select(
            s => Num.Exp(cap(Num.Sum(Enumerable.Range(0, HeadDim).Select(d => query[own + d] * k[s][shared + d])) * scale))).ToArray();
        var sum = Num.Sum(powers);
        return [.. Enumerable.Range(0, HeadDim).Select(d => Num.Sum(seen.Select((s, i) => powers[i] * v[s][shared + d])) / sum)];
    }

    private Num[] Norm(Num[] x, Num[] weight)
    {
        var root = Num.Sqrt((Num.Sum(x.Select(value => value * value)) / x.Length) + _epsilon);
        return [.. x.Zip(weight, (value, w) => value / root * (IsGemma ? w + 1 : w))];
    }

    /// <summary>A head's first half with its second, by position times frequency.</summary>
    private Num[] Rotate(Num[] head, int position)
    {
        var half = HeadDim / 2;
        var turned = new Num[HeadDim];
        for (var i = 0; i < half; i++)
        {
            var (sin, cos) = Math.SinCos(position * Frequency(i));
            turned[i] = (head[i] * cos) - (head[i + half] * sin);
            turned[i + half] = (head[i + half] * cos) + (head[i] * sin);
        }
        return turned;
    }

    private double Frequency(int i)
    {
        var rope = Object("rope_parameters") ?? Object("rope_scaling");
        double? Of(string name) => rope is { } found ? Number(name, found) : null;
        var frequency = Math.Pow(Of("rope_theta") ?? Number("rope_theta", config) ?? 10_000, -2.0 * i / HeadDim);
        switch (rope is { } scaling && (scaling.TryGetProperty("rope_type", out var type) || scaling.TryGetProperty("type", out type))
            ? type.GetString() : "default")
        {
            case "default":
                return frequency;
            case "linear":
                return frequency / Of("factor")!.Value;
            case "llama3":
                // Short waves stay, long ones are stretched, those between by how far between they lie.
                var turns = Of("original_max_position_embeddings")!.Value / (2 * Math.PI / frequency);
                var share = Math.Clamp(
                    (turns - Of("low_freq_factor")!.Value) / (Of("high_freq_factor")!.Value - Of("low_freq_factor")!.Value), 0, 1);
                return (share * frequency) + ((1 - share) * frequency / Of("factor")!.Value);
            default:
                throw new NotSupportedException($"The rotary scaling {rope} has no formula here.");
        }
    }

    private int Window(int layer)
    {
        var slides = config.TryGetProperty("layer_types", out var types) && types.ValueKind == JsonValueKind.Array
            ? types[layer].GetString() == "sliding_attention"
            : _family == "mistral" || (_family == "gemma2" && layer % 2 == 0);
        return slides && Number("sliding_window", config) is { } window ? (int)window : int.MaxValue;
    }

    private Func<Num, Num> Cap(string field) => Number(field, config) is { } cap ? x => Num.Tanh(x / cap) * cap : x => x;

    private Num Activation(Num x) => IsGemma
        ? x * 0.5 * (Num.Tanh((x + (x * x * x * 0.044715)) * Math.Sqrt(2 / Math.PI)) + 1)
        : x / (Num.Exp((Num)0 - x) + 1);

    private static Num[] Times(Num[] matrix, Num[] x)
    {
        var product = new Num[matrix.Length / x.Length];
        for (var row = 0; row < product.Length; row++)
        {
            Num sum = 0;
            for (var column = 0; column < x.Length; column++)
            {
                sum += matrix[(row * x.Length) + column] * x[column];
            }
            product[row] = sum;
        }
        return product;
    }

    private static Num[] Plus(Num[] a, Num[] b) => [.. a.Zip(b, (x, y) => x + y)];

    private JsonElement? Object(string name) =>
        config.TryGetProperty(name, out var found) && found.ValueKind == JsonValueKind.Object ? found : null;

    private static double? Number(string name, JsonElement of) =>
        of.TryGetProperty(name, out var found) && found.ValueKind == JsonValueKind.Number ? found.GetDouble() : null;
}
