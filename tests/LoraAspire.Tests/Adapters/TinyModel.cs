using System.Text.Json;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Families;
using LoraAspire.Model.Weights;

namespace LoraAspire.Tests.Adapters;

/// <summary>The smallest model with all that an adapter can attach to.</summary>
internal static class TinyModel
{
    public static ModelConfig Config { get; } = new()
    {
        ModelType = "llama",
        VocabSize = 32,
        HiddenSize = 16,
        IntermediateSize = 24,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 1,
        HeadDim = 8,
        MaxPositionEmbeddings = 32,
        RmsNormEps = 1e-5,
        RopeTheta = 10_000,
        Rope = new RopeScaling("default"),
        TieWordEmbeddings = false,
        InitializerRange = 0.3,
        QkvBias = false,
        OutputBias = false,
        QkNorm = false,
        SlidingWindow = [null, null],
    };

    /// <summary>As Gemma 2, its caps so low that they are felt.</summary>
    public static ModelConfig Gemma2 { get; } = Config with
    {
        ModelType = "gemma2",
        HiddenAct = ActivationField.TanhForm,
        NormPlusOne = true,
        EmbeddingScale = 4,
        OutputNorms = true,
        AttentionScale = 0.2,
        ScoreCap = 2,
        LogitCap = 3,
        TieWordEmbeddings = true,
        SlidingWindow = [5, null],
    };

    /// <summary>The shape of Llama-2-7B, for arithmetic: nobody makes it.</summary>
    public static ModelConfig Llama7B { get; } = Config with
    {
        VocabSize = 32000,
        HiddenSize = 4096,
        IntermediateSize = 11008,
        NumHiddenLayers = 32,
        NumAttentionHeads = 32,
        NumKeyValueHeads = 32,
        HeadDim = 128,
        MaxPositionEmbeddings = 4096,
        SlidingWindow = new int?[32],
    };

    /// <summary>Writes config.json and model.safetensors, as transformers reads them.</summary>
    public static void Save(LlamaModel model, string folder)
    {
        var config = model.Config;
        File.WriteAllText(Path.Combine(folder, "config.json"), JsonSerializer.Serialize(new
        {
            architectures = new[] { "LlamaForCausalLM" },
            model_type = config.ModelType,
            vocab_size = config.VocabSize,
            hidden_size = config.HiddenSize,
            intermediate_size = config.IntermediateSize,
            num_hidden_layers = config.NumHiddenLayers,
            num_attention_heads = config.NumAttentionHeads,
            num_key_value_heads = config.NumKeyValueHeads,
            head_dim = config.HeadDim,
            hidden_act = "silu",
            max_position_embeddings = config.MaxPositionEmbeddings,
            rms_norm_eps = config.RmsNormEps,
            rope_theta = config.RopeTheta,
            tie_word_embeddings = config.TieWordEmbeddings,
            bos_token_id = 1,
            eos_token_id = 2,
            torch_dtype = "float32",
        }));
        SafetensorsWriter.Write(Path.Combine(folder, WeightFiles.Single),
            model.Weights().Select(weight => TensorSource.Of(weight.Name, weight.Tensor)));
    }
}
