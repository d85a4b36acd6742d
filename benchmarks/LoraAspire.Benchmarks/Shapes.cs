using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Families;

namespace LoraAspire.Benchmarks;

/// <summary>Shapes of models with random weights.</summary>
internal static class Shapes
{
    public static readonly ModelConfig Llama7B = Of(32000, 4096, 11008, 32, 32);
    public static readonly ModelConfig Llama15M = Of(32000, 288, 768, 6, 6) with { TieWordEmbeddings = true };

    private static readonly ModelConfig Gemma2B = Of(256_000, 2304, 9216, 26, 8) with
    {
        ModelType = "gemma2",
        NumKeyValueHeads = 4,
        HeadDim = 256,
        HiddenAct = ActivationField.TanhForm,
        NormPlusOne = true,
        EmbeddingScale = Math.Sqrt(2304),
        OutputNorms = true,
        AttentionScale = 1.0 / 16,
        ScoreCap = 50,
        LogitCap = 30,
        TieWordEmbeddings = true,
        SlidingWindow = [.. Enumerable.Range(0, 26).Select(layer => layer % 2 == 0 ? 4096 : (int?)null)],
    };

    /// <summary>By the names of an option.</summary>
    public static readonly IReadOnlyDictionary<string, ModelConfig> Named = new Dictionary<string, ModelConfig>
    {
        ["llama-2-7b"] = Llama7B,
        ["llama-2-70b"] = Of(32000, 8192, 28672, 80, 64) with { NumKeyValueHeads = 8 },
        ["1.1b"] = Of(32000, 2048, 5632, 22, 32) with { NumKeyValueHeads = 4 },
        ["15m"] = Llama15M,
        ["gemma-2-2b"] = Gemma2B,
    };

    public static ModelConfig Of(int vocab, int hidden, int intermediate, int layers, int heads) => new()
    {
        ModelType = "llama",
        VocabSize = vocab,
        HiddenSize = hidden,
        IntermediateSize = intermediate,
        NumHiddenLayers = layers,
        NumAttentionHeads = heads,
        NumKeyValueHeads = heads,
        HeadDim = hidden / heads,
        MaxPositionEmbeddings = 4096,
        RmsNormEps = 1e-5,
        RopeTheta = 10_000,
        Rope = new RopeScaling("default"),
        TieWordEmbeddings = false,
        InitializerRange = 0.02,
        QkvBias = false,
        OutputBias = false,
        QkNorm = false,
        SlidingWindow = new int?[layers],
    };
}
