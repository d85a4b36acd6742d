using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>Rows in e4m3, each value being its code times its row's scale.</summary>
/// <param name="Codes">[rows, width]</param>
/// <param name="Scales">[rows, 1] float32</param>
internal sealed record Fp8Rows(Tensor Codes, Tensor Scales) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [Codes, Scales];
}

/// <summary>What the readers of a tensor [T, width] want it as, so that the kernel which makes it writes nothing else.</summary>
/// <param name="Wide">In the type that is computed in.</param>
/// <param name="Eight">As e4m3, a scale for each token.</param>
/// <param name="Factors">[width]: what is written as e4m3 is times these; null is 1.</param>
internal sealed record Form(bool Wide, bool Eight = false, Tensor? Factors = null)
{
    public static Form Plain { get; } = new(Wide: true);
}

/// <summary>A tensor in the forms that were asked for.</summary>
internal sealed record Operand(Tensor? Wide, Fp8Rows? Eight) : TensorGroup
{
    protected override IEnumerable<IDisposable?> Parts => [Wide, Eight];
}
