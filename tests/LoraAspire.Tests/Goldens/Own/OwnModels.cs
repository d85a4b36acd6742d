using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Tests.Model;

namespace LoraAspire.Tests.Goldens.Own;

/// <summary>A tiny random model of each family, and what <see cref="NaiveLlama"/> makes of it: the files of goldens/models.</summary>
internal static class OwnModels
{
    private const int Vocabulary = 40, Hidden = 16, Inner = 24, Layers = 2, Length = 24;

    /// <summary>Below this, float32 might choose the other of two tokens.</summary>
    private const double SmallestGap = 1e-3;

    /// <summary>What sets each apart in its config.json.</summary>
    private static readonly Dictionary<string, string> s_configs = new()
    {
        ["llama2"] = """{ "model_type": "llama", "num_key_value_heads": 4, "rope_theta": 10000.0, "rope_scaling": null }""",
        // Four frequencies: one in the branch that stays, one between, two in the branch that is stretched.
        ["llama3"] = """
            { "model_type": "llama", "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 8, "tie_word_embeddings": true,
              "rope_parameters": { "rope_theta": 500.0, "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64 } }
            """,
        ["llama_linear"] = """{ "model_type": "llama", "rope_theta": 10000.0, "rope_scaling": { "type": "linear", "factor": 2.5 } }""",
        ["mistral"] = """{ "model_type": "mistral", "sliding_window": 5, "rope_theta": 10000.0 }""",
        ["mistral_wide_heads"] = """{ "model_type": "mistral", "head_dim": 6, "sliding_window": null, "rope_theta": 1000000.0 }""",
        ["qwen2"] = """{ "model_type": "qwen2", "rope_theta": 1000000.0, "use_sliding_window": false, "sliding_window": null }""",
        ["qwen2_bf16"] = """{ "model_type": "qwen2", "rope_theta": 1000000.0, "torch_dtype": "bfloat16" }""",
        ["qwen3"] =
            """{ "model_type": "qwen3", "head_dim": 8, "tie_word_embeddings": true, "rope_parameters": { "rope_theta": 1000000.0,"""
                + """ "rope_type": "default" } }""",
        ["gemma"] = """{ "model_type": "gemma", "num_key_value_heads": 1, "head_dim": 8, "hidden_activation": "gelu_pytorch_tanh" }""",
        ["gemma2"] = """
            { "model_type": "gemma2", "head_dim": 8, "hidden_activation": "gelu_pytorch_tanh", "query_pre_attn_scalar": 6, "sliding_window": 5,
              "attn_logit_softcapping": 2.0, "final_logit_softcapping": 3.0 }
            """,
    };

    public static IEnumerable<string> Names => s_configs.Keys;

    public static void Write(string name, string folder)
    {
        var config = Config(name);
        var weights = Weights(name, config);
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.GetRawText());
        PlainSafetensors.Write(Path.Combine(folder, "model.safetensors"), weights);
        WriteLegacy(Path.Combine(folder, "legacy_format.bin"), weights);

        var model = Model(config, weights);
        var rows = Rows(new Random(7), Vocabulary, Length, 17, 9);
        PlainSafetensors.Write(Path.Combine(folder, "golden.safetensors"), new Dictionary<string, Plain>
        {
            ["input_ids"] = Padded(rows, row => row.Ids, 0, left: false),
            ["attention_mask"] = Padded(rows, row => [.. row.Ids.Select(_ => 1)], 0, left: false),
            ["labels"] = Padded(rows, row => row.Labels, -100, left: false),
            ["logits"] = Logits(model, rows, left: false),
            ["logits_left"] = Logits(model, rows, left: true),
        });
        var targets = rows.Sum(row => row.Targets);
        var loss = rows.Sum(row => model.SummedLoss(row.Ids, row.Labels).Value) / targets;
        File.WriteAllText(Path.Combine(folder, "golden.json"), JsonSerializer.Serialize(new
        {
            n_targets = targets,
            loss,
            left = new
            {
                input_ids = Matrix(Padded(rows, row => row.Ids, 0, left: true)),
                attention_mask = Matrix(Padded(rows, row => [.. row.Ids.Select(_ => 1)], 0, left: true)),
                labels = Matrix(Padded(rows, row => row.Labels, -100, left: true)),
                loss,
            },
            generation = Greedy(model).Take(2).Select(one => new { prompt = one.Prompt, sequence = one.Sequence }),
        }));
    }

    public static JsonElement Config(string name)
    {
        var config = JsonNode.Parse("""
            { "vocab_size": 40, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
              "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2, "torch_dtype": "float32" }
            """)!.AsObject();
        foreach (var (key, value) in JsonNode.Parse(s_configs[name])!.AsObject())
        {
            config[key] = value?.DeepClone();
        }
        return JsonElement.Parse(config.ToJsonString());
    }

    /// <summary>Random ones, as the file's type has them. Norms lie about what leaves a row as it is.</summary>
    public static Dictionary<string, Plain> Weights(string name, JsonElement config)
    {
        var random = new Random(name.Sum(letter => letter));
        var type = config.GetProperty("torch_dtype").GetString() == "bfloat16" ? Stored.BF16 : Stored.F32;
        var family = config.GetProperty("model_type").GetString()!;
        int heads = Whole("num_attention_heads"), keyHeads = Whole("num_key_value_heads"), headDim = Whole("head_dim", Hidden / heads);
        int Whole(string field, int otherwise = 0) => config.TryGetProperty(field, out var value) ? value.GetInt32() : otherwise;
        Dictionary<string, Plain> weights = [];
        void Add(string weight, double centre, double spread, params int[] shape) =>
            weights[weight] = new Plain(shape,
                [.. Enumerable.Range(0, shape.Aggregate((a, b) => a * b)).Select(_ => centre + (spread * Normal(random)))], type).Rounded();
        void Norm(string norm, int width) =>
            Add(norm + ".weight", family.StartsWith("gemma", StringComparison.Ordinal) ? 0 : 1, 0.2, width);

        Add("model.embed_tokens.weight", 0, 0.5, Vocabulary, Hidden);
        for (var layer = 0; layer < Layers; layer++)
        {
            var prefix = $"model.layers.{layer}.";
            foreach (var (part, output, input) in new[]
            {
                ("self_attn.q_proj", heads * headDim, Hidden), ("self_attn.k_proj", keyHeads * headDim, Hidden), ("self_attn.v_proj",
                    keyHeads * headDim, Hidden),
                ("self_attn.o_proj", Hidden, heads * headDim), ("mlp.gate_proj", Inner, Hidden), ("mlp.up_proj", Inner, Hidden),
                ("mlp.down_proj", Hidden, Inner),
            })
            {
                Add(prefix + part + ".weight", 0, 0.3, output, input);
                if (family == "qwen2" && part[^6] is 'q' or 'k' or 'v')
                {
                    Add(prefix + part + ".bias", 0, 0.3, output);
                }
            }
            foreach (var head in family == "qwen3" ? ["q", "k"] : Array.Empty<string>())
            {
                Norm(prefix + $"self_attn.{head}_norm", headDim);
            }
            foreach (var norm in family == "gemma2"
                ? ["input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm"]
                : new[] { "input_layernorm", "post_attention_layernorm" })
            {
                Norm(prefix + norm, Hidden);
            }
        }
        Norm("model.norm", Hidden);
        if (!family.StartsWith("gemma", StringComparison.Ordinal)
            && !(config.TryGetProperty("tie_word_embeddings", out var tied) && tied.GetBoolean()))
        {
            Add("lm_head.weight", 0, 0.5, Vocabulary, Hidden);
        }
        return weights;
    }

    public static NaiveLlama Model(JsonElement config, IReadOnlyDictionary<string, Plain> weights) =>
        new(config, weights.ToDictionary(weight => weight.Key, weight => weight.Value.Values.Select(value => (Num)value).ToArray()));

    /// <summary>Random ids, of which the first third carries no loss.</summary>
    public static NaiveRow[] Rows(Random random, int vocabulary, params int[] lengths) =>
    [
        .. lengths.Select(length => Enumerable.Range(0, length).Select(_ => random.Next(3, vocabulary)).ToArray())
            .Select(ids => new NaiveRow(ids, [.. ids.Select((id, i) => i < Math.Max(1, ids.Length / 3) ? -100 : id)])),
    ];

    public static Plain Padded(NaiveRow[] rows, Func<NaiveRow, int[]> part, int pad, bool left)
    {
        var width = rows.Max(row => row.Ids.Length);
        return new([rows.Length, width], [.. rows.SelectMany(row =>
        {
            var padding = Enumerable.Repeat(pad, width - row.Ids.Length);
            return (left ? padding.Concat(part(row)) : part(row).Concat(padding)).Select(number => (double)number);
        })], Stored.I64);
    }

    /// <summary>Zero where there is padding, which nothing compares.</summary>
    public static Plain Logits(NaiveLlama model, NaiveRow[] rows, bool left)
    {
        var logits =
            rows.Select(row => model.Logits(row.Ids).SelectMany(position => position.Select(logit => logit.Value)).ToArray()).ToArray();
        var (width, vocabulary) = (rows.Max(row => row.Ids.Length), logits[0].Length / rows[0].Ids.Length);
        return new([rows.Length, width, vocabulary], [.. logits.SelectMany(row =>
        {
            var padding = new double[(width * vocabulary) - row.Length];
            return left ? padding.Concat(row) : row.Concat(padding);
        })]);
    }

    public static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());

    private static IEnumerable<(int[] Prompt, int[] Sequence)> Greedy(NaiveLlama model)
    {
        for (var seed = 0; ; seed++)
        {
            var random = new Random(seed);
            int[] prompt = [.. Enumerable.Range(0, 7).Select(_ => random.Next(3, Vocabulary))];
            List<int> sequence = [.. prompt];
            var gap = double.MaxValue;
            while (sequence.Count < Length && gap > SmallestGap)
            {
                var ranked = model.Logits([.. sequence])[^1].Select((logit, id) => (logit.Value, id)).OrderDescending().ToArray();
                gap = Math.Min(gap, ranked[0].Value - ranked[1].Value);
                sequence.Add(ranked[0].id);
            }
            if (gap > SmallestGap)
            {
                yield return (prompt, [.. sequence]);
            }
        }
    }

    private static long[][] Matrix(Plain tensor) => [.. tensor.Values.Select(value => (long)value).Chunk(tensor.Shape[1])];

    /// <summary>The weights as torch before 1.6 saved them, last to first.</summary>
    private static void WriteLegacy(string path, Dictionary<string, Plain> weights)
    {
        var (pickle, storages) = Pickled(weights.Reverse());
        PickleWriter.Legacy(path, pickle, [.. storages]);
    }

    /// <summary>The same as torch saves them today.</summary>
    public static void WriteZip(string path, Dictionary<string, Plain> weights)
    {
        var (pickle, storages) = Pickled(weights.Reverse());
        PickleWriter.Zip(path, pickle, storages.ToDictionary(storage => storage.Key, storage => storage.Bytes),
            CompressionLevel.NoCompression);
    }

    private static (byte[] Pickle,
        List<(string Key, long Elements, byte[] Bytes)> Storages) Pickled(IEnumerable<KeyValuePair<string, Plain>> tensors)
    {
        List<(string Key, long Elements, byte[] Bytes)> storages = [];
        var pickle = PickleWriter.Dictionary(items =>
        {
            foreach (var (name, tensor) in tensors)
            {
                var (key, elements) = ($"{storages.Count}", (long)tensor.Values.Length);
                long[] strides =
                    [.. tensor.Shape.Select((_, i) => tensor.Shape.Skip(i + 1).Aggregate(1L, (product, size) => product * size))];
                items.Text(name).Tensor(key, tensor.As == Stored.BF16 ? "BFloat16Storage" : "FloatStorage", elements, 0,
                    [.. tensor.Shape.Select(size => (long)size)], strides);
                storages.Add((key, elements, tensor.Bytes()));
            }
        });
        return (pickle, storages);
    }
}
