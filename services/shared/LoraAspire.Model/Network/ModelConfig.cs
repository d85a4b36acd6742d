namespace LoraAspire.Model;

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
    /// <summary>Per layer: how many positions back a token sees, itself included; null sees all.</summary>
    public required IReadOnlyList<int?> SlidingWindow { get; init; }

    /// <summary>Positions a row may have. Dynamic rope reaches its factor beyond the context the model was made for.</summary>
    public int Context => Rope.IsDynamic ? (int)Math.Min(int.MaxValue, MaxPositionEmbeddings * Rope.Factor) : MaxPositionEmbeddings;

    private static readonly string[] ModelTypes = ["llama", "mistral", "qwen2", "qwen3", "gemma"];

    /// <exception cref="ModelException">No config.json, broken JSON, or a field whose value this code can't run; the message names it.</exception>
    public static ModelConfig Load(string directory)
    {
        var path = Path.Combine(directory, "config.json");
        if (!File.Exists(path))
        {
            throw new ModelException($"No config.json in {directory}. A model is a Hugging Face directory: config.json, *.safetensors, tokenizer files.");
        }
        return JsonFile.Read(path, "model configuration", root => Read(new ConfigFields(root, path)));
    }

    // Several times what the largest models have. What a folder's weights hold is checked where they are read; these keep nonsense from taking memory before that.
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
        if (!ModelTypes.Contains(modelType))
        {
            throw config.Refuse("model_type", $"is '{modelType}'; this code runs {string.Join(", ", ModelTypes)}");
        }
        foreach (var field in new[] { "mlp_bias", "attention_sink", "use_parallel_residual" })
        {
            if (config.Flag(field) is true)
            {
                throw config.Refuse(field, "is true, which is not supported");
            }
        }
        foreach (var field in new[] { "attn_logit_softcapping", "final_logit_softcapping", "clip_qkv", "attention_chunk_size", "no_rope_layers" })
        {
            if (config.Has(field))
            {
                throw config.Refuse(field, "is set, which is not supported");
            }
        }
        foreach (var field in new[] { "quantization_config", "num_local_experts", "num_experts" })
        {
            if (config.Has(field))
            {
                throw config.Refuse(field, "is set, which is not supported yet: give an unquantised, dense model");
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
            TieWordEmbeddings = config.Flag("tie_word_embeddings") ?? modelType == "gemma",
            HiddenAct = ReadActivation(config, modelType),
            NormPlusOne = modelType == "gemma",
            EmbeddingScale = modelType == "gemma" ? Math.Sqrt(hidden) : 1,
            InitializerRange = config.Number("initializer_range", above: 0, most: 1000) ?? 0.02,
            TorchDtype = (config.Text("dtype") ?? config.Text("torch_dtype") ?? "float32") switch
            {
                "float32" => TorchSharp.torch.ScalarType.Float32,
                "bfloat16" => TorchSharp.torch.ScalarType.BFloat16,
                "float16" => TorchSharp.torch.ScalarType.Float16,
                var other => throw config.Refuse("torch_dtype", $"is '{other}'; this code knows float32, bfloat16 and float16"),
            },
            QkvBias = attentionBias || modelType == "qwen2",
            OutputBias = attentionBias,
            QkNorm = modelType == "qwen3",
            SlidingWindow = ReadWindows(config, modelType, layers),
        };
        RequireHeadsFit(read, config);
        return read;
    }

    private static void RequireHeadsFit(ModelConfig read, ConfigFields config)
    {
        if (read.NumAttentionHeads % read.NumKeyValueHeads != 0)
        {
            throw config.Refuse("num_key_value_heads", $"is {read.NumKeyValueHeads}, which doesn't divide the {read.NumAttentionHeads} attention heads");
        }
        if (read.HeadDim % 2 != 0 || (long)read.HeadDim * read.NumAttentionHeads > MostInner)
        {
            throw config.Refuse("head_dim", $"is {read.HeadDim}; it must be even, and {read.NumAttentionHeads} heads of it at most {MostInner} wide");
        }
        if (!read.Rope.InverseFrequencies(read.RopeTheta, read.HeadDim, read.Context).All(float.IsFinite) || !double.IsFinite(read.Rope.AttentionFactor))
        {
            throw config.Refuse("rope_theta", "and the scaling beside it give rotary frequencies that are no numbers");
        }
    }

    /// <summary>Gemma's first checkpoints say hidden_act gelu where gelu_pytorch_tanh is meant; hidden_activation wins, as in transformers.</summary>
    private static string ReadActivation(ConfigFields config, string modelType)
    {
        var field = modelType == "gemma" && config.Has("hidden_activation") ? "hidden_activation" : "hidden_act";
        return (config.Text(field), modelType) switch
        {
            (null or "gelu" or "gelu_pytorch_tanh", "gemma") => "gelu_pytorch_tanh",
            (null or "silu" or "swish", not "gemma") => "silu",
            var (activation, _) => throw config.Refuse(field, $"is '{activation}'; this code computes silu, and gelu_pytorch_tanh of gemma"),
        };
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
        var original = rope.SizeOr("original_max_position_embeddings", config.SizeOr("original_max_position_embeddings", maxPositions, int.MaxValue), int.MaxValue);
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
                    AttentionFactor = rope.Number("attention_factor") ?? RopeScaling.YarnAttentionFactor(scale, rope.Number("mscale"), rope.Number("mscale_all_dim")),
                    BetaFast = rope.Number("beta_fast") ?? 32,
                    BetaSlow = rope.Number("beta_slow") ?? 1,
                    Truncate = rope.Flag("truncate") ?? true,
                };
            default:
                throw rope.Refuse("rope_type", $"is '{type}'; this code runs default, linear, dynamic, llama3 and yarn");
        }
    }

    /// <summary>Mistral slides in every layer; Qwen only where layer_types (or max_window_layers) says so and use_sliding_window is on.</summary>
    private static int?[] ReadWindows(ConfigFields config, string modelType, int layers)
    {
        var sliding = new int?[layers];
        if (!config.Has("sliding_window") || modelType == "llama" || (modelType != "mistral" && config.Flag("use_sliding_window") is not true))
        {
            return sliding;
        }
        var window = config.Size("sliding_window", int.MaxValue);
        var types = config.Texts("layer_types");
        if (types is not null && (types.Length != layers || types.Except(["full_attention", "sliding_attention"]).Any()))
        {
            throw config.Refuse("layer_types", $"must say full_attention or sliding_attention of each of the {layers} layers");
        }
        var firstSliding = modelType == "mistral" ? 0 : (int)(config.Number("max_window_layers", above: -1, most: int.MaxValue) ?? 0);
        for (var layer = 0; layer < layers; layer++)
        {
            sliding[layer] = (types is null ? layer >= firstSliding : types[layer] == "sliding_attention") ? window : null;
        }
        return sliding;
    }
}
