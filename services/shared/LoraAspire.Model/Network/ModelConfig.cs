using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Model.Network.Families;
using LoraAspire.Model.Network.Quantised;

namespace LoraAspire.Model.Network;

/// <summary>
/// What config.json says of a Llama-architecture decoder. Reads the classic keys (rope_theta, rope_scaling, torch_dtype)
/// and those of transformers 5 (rope_parameters, dtype).
/// </summary>
public sealed record ModelConfig
{
    public required string ModelType { get; init; }
    public required int VocabSize { get; init; }
    public required int HiddenSize { get; init; }
    public required int IntermediateSize { get; init; }
    public required int NumHiddenLayers { get; init; }
    public required int NumAttentionHeads { get; init; }
    public required int NumKeyValueHeads { get; init; }
    public required int HeadDim { get; init; }
    public required int MaxPositionEmbeddings { get; init; }
    public required double RmsNormEps { get; init; }
    public required double RopeTheta { get; init; }
    public required RopeScaling Rope { get; init; }
    public required bool TieWordEmbeddings { get; init; }
    public required double InitializerRange { get; init; }
    /// <summary>The type its weights are saved in.</summary>
    public TorchSharp.torch.ScalarType TorchDtype { get; init; } = TorchSharp.torch.ScalarType.Float32;
    /// <summary>Bias on q, k and v.</summary>
    public required bool QkvBias { get; init; }
    /// <summary>Bias on o as well.</summary>
    public required bool OutputBias { get; init; }
    /// <summary>RMSNorm over each head of q and k (Qwen3).</summary>
    public required bool QkNorm { get; init; }
    /// <summary>The MLP's activation: silu, or gelu_pytorch_tanh (Gemma).</summary>
    public string HiddenAct { get; init; } = "silu";
    /// <summary>RMSNorm multiplies by 1 + weight, in float32 (Gemma).</summary>
    public bool NormPlusOne { get; init; }
    /// <summary>What embeddings are multiplied by: √hidden_size (Gemma), else 1.</summary>
    public double EmbeddingScale { get; init; } = 1;
    /// <summary>What scores are multiplied by; null is 1/√head_dim.</summary>
    public double? AttentionScale { get; init; }
    /// <summary>Scores pass c·tanh(x / c) before the softmax (Gemma 2); null passes them on.</summary>
    public double? ScoreCap { get; init; }
    /// <summary>Scores are as libtorch's attention makes them.</summary>
    public bool HasUsualScores => AttentionScale is null && ScoreCap is null;
    /// <summary>Logits pass c·tanh(x / c); null passes them on.</summary>
    public double? LogitCap { get; init; }
    /// <summary>RMSNorm on what attention and MLP give as well, before it is added (Gemma 2).</summary>
    public bool OutputNorms { get; init; }
    /// <summary>What the files hold the linear layers in; null holds them as numbers.</summary>
    public BaseFormat? Quantised { get; init; }
    /// <summary>Per layer: how many positions back a token sees, itself included; null sees all.</summary>
    public required IReadOnlyList<int?> SlidingWindow { get; init; }

    /// <summary>Positions a row may have. Dynamic rope reaches its factor beyond the context the model was made for.</summary>
    public int Context => Rope.IsDynamic ? (int)Math.Min(int.MaxValue, MaxPositionEmbeddings * Rope.Factor) : MaxPositionEmbeddings;

    /// <exception cref="ModelException">No config.json, broken JSON, or a field whose value this code can't run; the message names
    /// it.</exception>
    public static ModelConfig Load(string directory)
    {
        var path = Path.Combine(directory, "config.json");
        if (!File.Exists(path))
        {
            throw new ModelException(
                $"No config.json in {directory}. A model is a Hugging Face directory: config.json, *.safetensors, tokenizer files.");
        }
        return JsonFile.Read(path, "model configuration", root => Read(new ConfigFields(root, path)));
    }

    /// <summary>Writes another size of the vocabulary into a folder's config.json; all else stays.</summary>
    public static void Resize(string directory, long vocabulary) => Change(directory, config => config["vocab_size"] = vocabulary);

    /// <summary>Writes another type of the weights into a folder's config.json, under the key that it has there.</summary>
    public static void Retype(string directory, string type) =>
        Change(directory, config => config[config.ContainsKey("dtype") ? "dtype" : "torch_dtype"] = type);

    private static void Change(string directory, Action<JsonObject> change)
    {
        var path = Path.Combine(directory, "config.json");
        var config = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        change(config);
        File.Delete(path); // A copy of a file that can't be written can't be either.
        File.WriteAllText(path, config.ToJsonString(new JsonSerializerOptions { WriteIndented = true }) + "\n");
    }

    // Several times what the largest models have. What a folder's weights hold is checked where they are read; these keep nonsense from
    // taking memory before that.
    private const int MostLayers = 10_000;
    private const int MostHeads = 65_536;
    private const int MostHeadDim = 65_536;
    private const int MostWidth = 1 << 20;
    private const int MostInner = 1 << 23;
    private const int MostTokens = 1 << 24;
    private const double MostFactor = 1_000_000;

    private static ModelConfig Read(ConfigFields config)
    {
        var modelType = config.Text("model_type") ?? throw config.Refuse("model_type", "is missing");
        var family = Family.All.FirstOrDefault(one => one.ModelType == modelType)
            ?? throw config.Refuse("model_type",
                $"is '{modelType}'; this code runs {string.Join(", ", Family.All.Select(one => one.ModelType))}");
        foreach (var field in new[] { "mlp_bias", "attention_sink", "use_parallel_residual" })
        {
            if (config.Flag(field) is true)
            {
                throw config.Refuse(field, "is true, which is not supported");
            }
        }
        foreach (var field in new[] { "attn_logit_softcapping", "final_logit_softcapping", "clip_qkv", "attention_chunk_size",
            "no_rope_layers" }.Except(family.Reads))
        {
            if (config.Has(field))
            {
                throw config.Refuse(field, "is set, which is not supported");
            }
        }
        foreach (var field in new[] { "num_local_experts", "num_experts" })
        {
            if (config.Has(field))
            {
                throw config.Refuse(field, "is set, which is not supported yet: give a dense model");
            }
        }
        if (config.Number("partial_rotary_factor") is { } partial && partial != 1)
        {
            throw config.Refuse("partial_rotary_factor", $"is {partial}; only 1 is supported");
        }

        var rope = config.Object("rope_parameters") ?? config.Object("rope_scaling");
        var hidden = config.Size("hidden_size", MostWidth);
        var heads = config.Size("num_attention_heads", MostHeads);
        var headDim = config.SizeOr("head_dim", hidden / heads, MostHeadDim);
        var layers = config.Size("num_hidden_layers", MostLayers);
        var attentionBias = config.Flag("attention_bias") ?? false;
        var maxPositions = config.Size("max_position_embeddings", int.MaxValue);
        var read = new ModelConfig
        {
            ModelType = modelType,
            VocabSize = config.Size("vocab_size", MostTokens),
            HiddenSize = hidden,
            IntermediateSize = config.Size("intermediate_size", MostInner),
            NumHiddenLayers = layers,
            NumAttentionHeads = heads,
            NumKeyValueHeads = config.SizeOr("num_key_value_heads", heads, heads),
            HeadDim = headDim,
            MaxPositionEmbeddings = maxPositions,
            RmsNormEps = config.Number("rms_norm_eps", above: 0, most: 1) ?? 1e-6,
            RopeTheta = rope?.Number("rope_theta", above: 0) ?? config.Number("rope_theta", above: 0) ?? 10_000,
            Rope = ReadRope(config, rope, maxPositions),
            TieWordEmbeddings = config.Flag("tie_word_embeddings") ?? family.TiedByDefault,
            HiddenAct = family.Activation(config),
            InitializerRange = config.Number("initializer_range", above: 0, most: 1000) ?? 0.02,
            TorchDtype = (config.Text("dtype") ?? config.Text("torch_dtype") ?? "float32") switch
            {
                "float32" => TorchSharp.torch.ScalarType.Float32,
                "bfloat16" => TorchSharp.torch.ScalarType.BFloat16,
                "float16" => TorchSharp.torch.ScalarType.Float16,
                var other => throw config.Refuse("torch_dtype", $"is '{other}'; this code knows float32, bfloat16 and float16"),
            },
            QkvBias = attentionBias,
            OutputBias = attentionBias,
            QkNorm = false,
            SlidingWindow = new int?[layers],
            Quantised = BitsAndBytes.FormatOf(config),
        };
        RequireHeadsFit(read, config);
        return family.Complete(config, read);
    }

    private static void RequireHeadsFit(ModelConfig read, ConfigFields config)
    {
        if (read.NumAttentionHeads % read.NumKeyValueHeads != 0)
        {
            throw config.Refuse("num_key_value_heads",
                $"is {read.NumKeyValueHeads}, which doesn't divide the {read.NumAttentionHeads} attention heads");
        }
        if (read.HeadDim % 2 != 0 || (long)read.HeadDim * read.NumAttentionHeads > MostInner)
        {
            throw config.Refuse("head_dim",
                $"is {read.HeadDim}; it must be even, and {read.NumAttentionHeads} heads of it at most {MostInner} wide");
        }
        if (!read.Rope.InverseFrequencies(read.RopeTheta, read.HeadDim, read.Context).All(float.IsFinite)
            || !double.IsFinite(read.Rope.AttentionFactor))
        {
            throw config.Refuse("rope_theta", "and the scaling beside it give rotary frequencies that are not finite");
        }
    }

    private static RopeScaling ReadRope(ConfigFields config, ConfigFields? rope, int maxPositions)
    {
        var type = rope?.Text("rope_type") ?? rope?.Text("type") ?? "default";
        if (rope is null || type == "default")
        {
            return type == "default" ? new RopeScaling(type) : throw config.Refuse("rope_type", $"is '{type}' without its parameters");
        }
        if (rope.Has("mrope_section"))
        {
            throw rope.Refuse("mrope_section", "is set, which is not supported: give a text model");
        }
        var original = rope.SizeOr("original_max_position_embeddings",
            config.SizeOr("original_max_position_embeddings", maxPositions, int.MaxValue), int.MaxValue);
        double Factor() => (rope.Number("factor") ?? throw rope.Refuse("factor", "is missing")) is >= 1 and <= MostFactor and var factor
            ? factor
            : throw rope.Refuse("factor", FormattableString.Invariant($"is {rope.Number("factor")}; it must be 1 to {MostFactor}"));
        switch (type)
        {
            case "linear":
                return new RopeScaling(type, Factor());
            case "dynamic":
                return new RopeScaling(type, Factor(), OriginalMaxPositionEmbeddings: maxPositions);
            case "llama3":
                return new RopeScaling(type, Factor(), rope.Number("low_freq_factor") ?? 1, rope.Number("high_freq_factor") ?? 4, original);
            case "yarn":
                var scale = rope.Has("factor") ? Factor() : (double)maxPositions / original;
                return new RopeScaling(type, scale, OriginalMaxPositionEmbeddings: original)
                {
                    AttentionFactor = rope.Number("attention_factor")
                        ?? RopeScaling.YarnAttentionFactor(scale, rope.Number("mscale"), rope.Number("mscale_all_dim")),
                    BetaFast = rope.Number("beta_fast") ?? 32,
                    BetaSlow = rope.Number("beta_slow") ?? 1,
                    Truncate = rope.Flag("truncate") ?? true,
                };
            default:
                throw rope.Refuse("rope_type", $"is '{type}'; this code runs default, linear, dynamic, llama3 and yarn");
        }
    }
}
