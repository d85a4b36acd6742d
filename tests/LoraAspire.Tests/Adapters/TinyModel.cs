using LoraAspire.Model;

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
}
