using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Adapters;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Gpu;

/// <summary>A small model of widths that the kernels of a GPU are for.</summary>
internal static class GpuModel
{
    public static ModelConfig Config { get; } = TinyModel.Config with
    {
        VocabSize = 2048,
        HiddenSize = 1024,
        IntermediateSize = 2816,
        NumHiddenLayers = 4,
        NumAttentionHeads = 8,
        NumKeyValueHeads = 2,
        HeadDim = 128,
        MaxPositionEmbeddings = 4096,
        InitializerRange = 0.02,
        SlidingWindow = new int?[4],
    };

    /// <summary>Skips the test where there is no GPU.</summary>
    public static void Require()
    {
        LibTorch.Load();
        Assert.SkipUnless(cuda.is_available(),
            "No GPU that libtorch sees: set LORA_LIBTORCH to the lib folder of a libtorch with CUDA, on a machine with a card.");
    }

    /// <summary>Another with the same weights in float32.</summary>
    public static LlamaModel Widened(LlamaModel model)
    {
        var wide = LlamaModel.Initialize(model.Config, CUDA, float32, seed: 4, onDevice: true);
        wide.ReplaceWeights(model.Weights().ToDictionary(weight => weight.Name,
            weight => weight.Tensor.to(float32, copy: true).DetachFromDisposeScope()));
        return wide;
    }

    public static ParameterSet Adapted(LlamaModel model, LoraConfig lora) => MovedAdapters.On(model, lora, by: 0.02, seed: 4, moves: 3);
}
