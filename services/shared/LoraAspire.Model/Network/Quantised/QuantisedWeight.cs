using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>A frozen linear layer's weight [out, in], held in fewer bits than it is computed in.</summary>
internal abstract record QuantisedWeight(long OutFeatures, long InFeatures, torch.Device Device) : TensorGroup
{
    public abstract BaseFormat Format { get; }

    /// <summary>The weight that it stands for, [out, in] in this type.</summary>
    public abstract Tensor Dequantise(ScalarType dtype);
}
