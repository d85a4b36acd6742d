using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>A frozen linear layer's weight [out, in], held in fewer bits than it is computed in.</summary>
internal abstract record QuantisedWeight(long OutFeatures, long InFeatures, torch.Device Device) : TensorGroup
{
    public abstract BaseFormat Format { get; }

    /// <summary>What takes the room; scales stay beside them.</summary>
    public abstract Tensor Codes { get; }

    /// <summary>The same weight with its codes lying elsewhere; this one may be disposed.</summary>
    public abstract QuantisedWeight With(Tensor codes);

    /// <summary>The weight that it stands for, [out, in] in this type.</summary>
    public abstract Tensor Dequantise(ScalarType dtype);
}
