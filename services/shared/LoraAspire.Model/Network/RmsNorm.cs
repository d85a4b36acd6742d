using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>
/// RMSNorm (Zhang and Sennrich 2019): x / sqrt(mean(x²) + eps) · weight, the mean taken in float32; Gemma's multiplies by 1 + weight, there
/// too.
/// </summary>
internal sealed class RmsNorm(Tensor weight, double epsilon, bool plusOne = false) : IDisposable
{
    public Tensor Weight { get; set; } = weight;

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
