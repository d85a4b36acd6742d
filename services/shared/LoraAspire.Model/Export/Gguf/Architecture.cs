using LoraAspire.Model.Network;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>What llama.cpp calls a family, and how its network differs from what the Hugging Face weights say.</summary>
internal sealed record Architecture(string Name)
{
    /// <summary>Rotary pairs are neighbours, where Hugging Face's are half a head apart: the rows of q and k change places.</summary>
    public bool PairsNeighbours { get; init; }

    /// <summary>The network reads rope_freqs.weight.</summary>
    public bool TakesFrequencies { get; init; }

    /// <summary>Windows of every second layer, from the first on, are part of the network.</summary>
    public bool HasWindows { get; init; }

    /// <summary>What its scores are multiplied by.</summary>
    public Func<ModelConfig, double> AttentionScale { get; init; } = model => 1 / Math.Sqrt(model.HeadDim);

    private static readonly Dictionary<string, Architecture> s_known = new()
    {
        ["llama"] = new("llama") { PairsNeighbours = true, TakesFrequencies = true },
        ["mistral"] = new("llama") { PairsNeighbours = true, TakesFrequencies = true },
        ["qwen2"] = new("qwen2"),
        ["qwen3"] = new("qwen3"),
        ["gemma"] = new("gemma"),
        ["gemma2"] = new("gemma2") { HasWindows = true, AttentionScale = Gemma2Scale },
    };

    /// <summary>The 27B model's, which is known by its layers, goes by the width and not by the heads' own.</summary>
    private static double Gemma2Scale(ModelConfig model) =>
        1 / Math.Sqrt(model.NumHiddenLayers == 46 ? (double)model.HiddenSize / model.NumAttentionHeads : model.HeadDim);

    /// <exception cref="ModelException">llama.cpp doesn't run such a model, or not as it was trained.</exception>
    public static Architecture Of(ModelConfig model)
    {
        var known = s_known.TryGetValue(model.ModelType, out var found) ? found
            : throw new ModelException($"A '{model.ModelType}' model can't be exported to GGUF: {string.Join(", ", s_known.Keys)} can.");
        if (model.Rope.RopeType == "llama3" && !known.TakesFrequencies)
        {
            throw new ModelException(
                $"llama.cpp doesn't scale the rotary frequencies of {known.Name} as llama3 does: it can't be exported.");
        }
        if (known.Name != "llama" && model.OutputBias)
        {
            throw new ModelException($"llama.cpp has no bias on the attention's output in {known.Name}: it can't be exported.");
        }
        return known;
    }

    /// <summary>What the file can't say, in words.</summary>
    public IEnumerable<string> Remarks(ModelConfig model)
    {
        if (!HasWindows && model.SlidingWindow.OfType<int>().Where(window => window < model.Context).ToList() is [var window, ..])
        {
            yield return $"llama.cpp runs {Name} without a sliding window: a text longer than {window} tokens is answered otherwise than "
                + "here.";
        }
        if (model.Rope.IsDynamic)
        {
            yield return $"llama.cpp knows no dynamic rope: the context is the {model.MaxPositionEmbeddings} tokens that need none.";
        }
        if (model.Rope is { RopeType: "yarn", Truncate: false })
        {
            yield return "llama.cpp rounds the ends of yarn's ramp to whole dimensions, which this model does not: its answers may differ.";
        }
    }

    public void Describe(ModelConfig model, GgufMetadata metadata)
    {
        string Key(string name) => $"{Name}.{name}";
        metadata.Add(Key("vocab_size"), model.VocabSize)
            .Add(Key("context_length"), model.MaxPositionEmbeddings)
            .Add(Key("embedding_length"), model.HiddenSize)
            .Add(Key("block_count"), model.NumHiddenLayers)
            .Add(Key("feed_forward_length"), model.IntermediateSize)
            .Add(Key("attention.head_count"), model.NumAttentionHeads)
            .Add(Key("attention.head_count_kv"), model.NumKeyValueHeads)
            .Add(Key("attention.key_length"), model.HeadDim)
            .Add(Key("attention.value_length"), model.HeadDim)
            .Add(Key("attention.layer_norm_rms_epsilon"), (float)model.RmsNormEps)
            .Add(Key("rope.dimension_count"), model.HeadDim)
            .Add(Key("rope.freq_base"), (float)model.RopeTheta);
        var scaling = model.Rope;
        if (scaling.RopeType is "linear" or "yarn")
        {
            metadata.Add(Key("rope.scaling.type"), scaling.RopeType).Add(Key("rope.scaling.factor"), (float)scaling.Factor);
        }
        if (scaling.RopeType == "yarn")
        {
            metadata.Add(Key("rope.scaling.original_context_length"), scaling.OriginalMaxPositionEmbeddings)
                .Add(Key("rope.scaling.yarn_beta_fast"), (float)scaling.BetaFast)
                .Add(Key("rope.scaling.yarn_beta_slow"), (float)scaling.BetaSlow)
                // llama.cpp multiplies by yarn's own factor, this and that.
                .Add(Key("rope.scaling.attn_factor"),
                    (float)(scaling.AttentionFactor / RopeScaling.YarnAttentionFactor(scaling.Factor, null, null)));
        }
        if (HasWindows && model.SlidingWindow.OfType<int>().ToList() is [var window, ..])
        {
            metadata.Add(Key("attention.sliding_window"), window);
        }
        if (model.ScoreCap is { } scores)
        {
            metadata.Add(Key("attn_logit_softcapping"), (float)scores);
        }
        if (model.LogitCap is { } logits)
        {
            metadata.Add(Key("final_logit_softcapping"), (float)logits);
        }
    }

    /// <summary>llama3's scaling: what each pair's frequency is divided by [head_dim / 2]; null where nothing is.</summary>
    public static float[]? FrequencyFactors(ModelConfig model)
    {
        if (model.Rope.RopeType != "llama3")
        {
            return null;
        }
        var plain = new RopeScaling("default").InverseFrequencies(model.RopeTheta, model.HeadDim, model.Context);
        var scaled = model.Rope.InverseFrequencies(model.RopeTheta, model.HeadDim, model.Context);
        return [.. plain.Zip(scaled, (before, after) => before / after)];
    }
}
