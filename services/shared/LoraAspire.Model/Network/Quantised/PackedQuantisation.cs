using LoraAspire.Model.Network.Fused;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>Weights that are made smaller on the CPU, and become numbers again for each product.</summary>
public abstract class PackedQuantisation : Quantisation
{
    public override string? Unsupported(ModelConfig config, ScalarType dtype, torch.Device device) =>
        NoBackward(FusedModel.Unsupported(config, dtype, device));

    internal override QuantisedWeight Quantise(Tensor weight) => Quantise(weight, "The weight", weight.device);

    /// <param name="weight">[out, in] on any device, of any type; it is disposed.</param>
    /// <param name="name">The weight's, for people.</param>
    /// <param name="device">Where it goes.</param>
    /// <exception cref="ModelException">It holds values that are no numbers.</exception>
    internal PackedWeight Quantise(Tensor weight, string name, torch.Device device)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using (weight)
        {
            return Pack(weight.cpu().to_type(float32).contiguous(), name).MovedTo(device);
        }
    }

    /// <param name="weight">[out, in] float32, contiguous, on the CPU</param>
    private protected abstract PackedWeight Pack(Tensor weight, string name);
}

/// <summary>Whole numbers of 8 bits with a scale for each output row.</summary>
public sealed class Int8 : PackedQuantisation
{
    public override BaseFormat Format => BaseFormat.Int8;

    private protected override PackedWeight Pack(Tensor weight, string name) => Int8Weight.Quantise(weight, name);
}

/// <summary>Four bits by the quantiles of a normal distribution (Dettmers et al. 2023), with a scale for each 64 weights.</summary>
/// <param name="twice">The scales are quantised too, to 8 bits in blocks of 256.</param>
public sealed class Nf4(bool twice = true) : PackedQuantisation
{
    public override BaseFormat Format => BaseFormat.Nf4;

    private protected override PackedWeight Pack(Tensor weight, string name) => Nf4Weight.Quantise(weight, twice, name);
}
