using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>
/// RMSNorm (Zhang and Sennrich 2019): x / sqrt(mean(x²) + eps) · weight, the mean taken in float32; Gemma's multiplies by 1 + weight, there
/// too.
/// </summary>
internal sealed class RmsNorm(Tensor weight, double epsilon, bool plusOne = false) : IDisposable
{
    public Tensor Weight { get; set; } = weight;

    public NormFactors Factors => new(Weight, plusOne);

    /// <summary>∂L/∂w of the step [width] float32, where the hand-written backward trains it.</summary>
    public Tensor? Gradient { get; set; }

    /// <param name="gradient">∂L/∂ of what the norm gave [T, width].</param>
    /// <param name="inverseRms">[T, 1]</param>
    public void AddGradient(Tensor gradient, Tensor x, Tensor inverseRms)
    {
        if (Gradient is { } sums)
        {
            RowSums.Add(sums, gradient, x, inverseRms);
        }
    }

    public Tensor Forward(Tensor x)
    {
        var wide = x.to_type(float32);
        var scale = wide.mul(wide).mean([-1], keepdim: true).add_(epsilon.AsScalar(), Scalars.One).rsqrt_();
        return plusOne
            ? wide.mul(scale).mul_(Weight.to_type(float32).add(Scalars.One, Scalars.One)).to_type(x.dtype)
            : wide.mul(scale).to_type(x.dtype).mul(Weight);
    }

    public void Dispose() => Weight.Dispose();
}

/// <summary>What a norm multiplies by: w, or Gemma's 1 + w.</summary>
/// <param name="Weight">w [width]</param>
internal readonly record struct NormFactors(Tensor Weight, bool PlusOne)
{
    public static implicit operator NormFactors(Tensor weight) => new(weight, PlusOne: false);

    /// <summary>In float32.</summary>
    public Tensor Wide => PlusOne ? Weight.to_type(float32).add(Scalars.One, Scalars.One) : Weight.to_type(float32);
}
