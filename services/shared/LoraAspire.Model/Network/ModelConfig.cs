using System.Text.Json;

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
    public int Context => Rope.IsDynamic ? (int)(MaxPositionEmbeddings * Rope.Factor) : MaxPositionEmbeddings;

    private static readonly string[] ModelTypes = ["llama", "mistral", "qwen2", "qwen3", "gemma"];

    /// <exception cref="ModelException">No config.json, broken JSON, or a field whose value this code can't run; the message names it.</exception>
    public static ModelConfig Load(string directory)
    {
        var path = Path.Combine(directory, "config.json");
        if (!File.Exists(path))
        {
            throw new ModelException($"No config.json in {directory}. A model is a Hugging Face directory: config.json, *.safetensors, tokenizer files.");
        }
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return Read(new ConfigFields(document.RootElement, path));
        }
        catch (JsonException error)
        {
            throw new ModelException($"{path}: not valid JSON: {error.Message}", error);
        }
    }

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
        var hidden = config.Size("hidden_size");
        var heads = config.Size("num_attention_heads");
        var layers = config.Size("num_hidden_layers");
        var attentionBias = config.Flag("attention_bias") ?? false;
        var maxPositions = config.Size("max_position_embeddings");
        return new ModelConfig
        {
            ModelType = modelType,
            VocabSize = config.Size("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = config.Size("intermediate_size"),
            NumHiddenLayers = layers,
            NumAttentionHeads = heads,
            NumKeyValueHeads = config.SizeOr("num_key_value_heads", heads),
            HeadDim = config.SizeOr("head_dim", hidden / heads),
            MaxPositionEmbeddings = maxPositions,
            RmsNormEps = config.Number("rms_norm_eps") ?? 1e-6,
            RopeTheta = rope?.Number("rope_theta") ?? config.Number("rope_theta") ?? 10_000,
            Rope = ReadRope(config, rope, maxPositions),
            TieWordEmbeddings = config.Flag("tie_word_embeddings") ?? modelType == "gemma",
            HiddenAct = ReadActivation(config, modelType),
            NormPlusOne = modelType == "gemma",
            EmbeddingScale = modelType == "gemma" ? Math.Sqrt(hidden) : 1,
            InitializerRange = config.Number("initializer_range") ?? 0.02,
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
        var original = rope.SizeOr("original_max_position_embeddings", config.SizeOr("original_max_position_embeddings", maxPositions));
        double Factor() => (rope.Number("factor") ?? throw rope.Refuse("factor", "is missing")) is >= 1 and var factor
            ? factor
            : throw rope.Refuse("factor", $"is {rope.Number("factor")}; it must be at least 1");
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
        var window = (int?)config.Number("sliding_window");
        var sliding = new int?[layers];
        if (window is null || modelType == "llama" || (modelType != "mistral" && config.Flag("use_sliding_window") is not true))
        {
            return sliding;
        }
        var types = config.Texts("layer_types");
        if (types is not null && (types.Length != layers || types.Except(["full_attention", "sliding_attention"]).Any()))
        {
            throw config.Refuse("layer_types", $"must say full_attention or sliding_attention of each of the {layers} layers");
        }
        var firstSliding = modelType == "mistral" ? 0 : config.SizeOr("max_window_layers", 0);
        for (var layer = 0; layer < layers; layer++)
        {
            sliding[layer] = (types is null ? layer >= firstSliding : types[layer] == "sliding_attention") ? window : null;
        }
        return sliding;
    }
}
