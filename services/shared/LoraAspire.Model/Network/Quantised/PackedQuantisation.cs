using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Fused;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>A weight's numbers from the <paramref name="start"/>th on, row after row, as many as there is room for.</summary>
internal delegate void ReadNumbers(long start, Span<float> to);

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
            return Pack(NumbersOf(weight.cpu().to_type(float32).contiguous()), weight.shape, name).MovedTo(device);
        }
    }

    /// <summary>From where the weight is stored: of its numbers few are in memory at a time.</summary>
    /// <param name="read">On any thread.</param>
    /// <param name="shape">[out, in]</param>
    /// <inheritdoc cref="Quantise(Tensor, string, torch.Device)"/>
    internal PackedWeight Quantise(ReadNumbers read, long[] shape, string name, torch.Device device)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        return Pack(read, shape, name).MovedTo(device);
    }

    private protected abstract PackedWeight Pack(ReadNumbers read, long[] shape, string name);

    private static unsafe ReadNumbers NumbersOf(Tensor weight)
    {
        var numbers = (float*)Aten.Data(weight);
        return (start, to) => new ReadOnlySpan<float>(numbers + start, to.Length).CopyTo(to);
    }
}

/// <summary>Whole numbers of 8 bits with a scale for each output row.</summary>
public sealed class Int8 : PackedQuantisation
{
    public override BaseFormat Format => BaseFormat.Int8;

    private protected override PackedWeight Pack(ReadNumbers read, long[] shape, string name) => Int8Weight.Quantise(read, shape, name);
}

/// <summary>Four bits by the quantiles of a normal distribution (Dettmers et al. 2023), with a scale for each 64 weights.</summary>
/// <param name="twice">The scales are quantised too, to 8 bits in blocks of 256.</param>
public sealed class Nf4(bool twice = true) : PackedQuantisation
{
    public override BaseFormat Format => BaseFormat.Nf4;

    private protected override PackedWeight Pack(ReadNumbers read, long[] shape, string name) =>
        Nf4Weight.Quantise(read, shape, twice, name);
}
