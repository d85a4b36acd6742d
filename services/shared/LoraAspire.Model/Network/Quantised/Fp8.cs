using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Fused;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>
/// e4m3 (OCP 8-bit floating point: 4 bits of exponent, 3 of mantissa, largest 448), a power of two for each output row. Products are in FP8
/// too, so activations and their gradients are rounded to it, token by token: training takes the hand-written backward on a GPU that
/// multiplies such numbers.
/// </summary>
public sealed class Fp8 : Quantisation
{
    /// <summary>libtorch's number of Float8_e4m3fn, which TorchSharp has no name for.</summary>
    internal const ScalarType E4m3 = (ScalarType)24;

    /// <summary>The largest number that e4m3 has.</summary>
    internal const double Largest = 448;

    /// <summary>Compute capability 8.9, Ada: the first whose tensor cores multiply e4m3.</summary>
    internal const int Capability = 89;

    public override BaseFormat Format => BaseFormat.Fp8;

    public override string? Unsupported(ModelConfig config, ScalarType dtype, torch.Device device) =>
        device.type != DeviceType.CUDA ? "that needs a GPU of compute capability 8.9 or above (Ada, Hopper and later), and this run "
            + "computes on the CPU"
        : Unsupported(config, dtype, CudaDevice.Capability());

    /// <param name="capability">See <see cref="CudaDevice.Capability"/>.</param>
    internal static string? Unsupported(ModelConfig config, ScalarType dtype, int capability) =>
        capability < Capability ? $"that needs a GPU of compute capability 8.9 or above (Ada, Hopper and later), and this one has "
            + $"{capability / 10}.{capability % 10}"
        : NoBackward(FusedModel.Unsupported(config, dtype, capability)) ?? NoKernels(config, dtype, capability)
            ?? (Math.Max(config.IntermediateSize, config.NumAttentionHeads * config.HeadDim) > CudaKernels.WidestRow
                ? $"its rows are wider than {CudaKernels.WidestRow:#,0}" : null);

    private static string? NoKernels(ModelConfig config, ScalarType dtype, int capability) =>
        CudaKernels.Unsupported(config, dtype, capability) is { } why
            ? $"that needs the kernels of the hand-written backward, and {why}" : null;

    internal override QuantisedWeight Quantise(Tensor weight)
    {
        using var scope = NewDisposeScope();
        var rows = new CudaKernels().Encode(weight, null, powerOfTwo: true);
        rows.DetachFromDisposeScope();
        weight.Dispose();
        return new Fp8Weight(rows);
    }
}

/// <param name="Rows">Codes [out, in], and the power of two that each row is times.</param>
internal sealed record Fp8Weight(Fp8Rows Rows)
    : QuantisedWeight(Rows.Codes.size(0), Rows.Codes.size(1), Rows.Codes.device)
{
    protected override IEnumerable<IDisposable?> Parts => [Rows];

    public override BaseFormat Format => BaseFormat.Fp8;

    public override Tensor Codes => Rows.Codes;

    public override QuantisedWeight With(Tensor codes) => new Fp8Weight(new Fp8Rows(codes, Rows.Scales.alias().DetachFromDisposeScope()));

    /// <summary>Exact: three bits of mantissa times a power of two.</summary>
    public override Tensor Dequantise(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        return Rows.Codes.to_type(dtype).mul_(Rows.Scales.to_type(dtype)).MoveToOuterDisposeScope();
    }
}
