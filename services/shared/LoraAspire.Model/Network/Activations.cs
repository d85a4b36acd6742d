using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>Functions that TorchSharp doesn't bind.</summary>
internal static class Activations
{
    /// <summary>c·tanh(x / c): as x where it is small, and never beyond ±c (Gemma 2's soft cap).</summary>
    public static Tensor Cap(Tensor x, double c) => x.div(c.AsScalar()).tanh().mul(c.AsScalar());

    /// <summary>√(2/π), and what x³ counts.</summary>
    public const double GeluScale = 0.7978845608028654, GeluCubic = 0.044715;

    /// <summary>½x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (Hendrycks and Gimpel 2016), in float32; config.json's gelu_pytorch_tanh.</summary>
    public static Tensor GeluTanh(Tensor x)
    {
        var wide = x.to_type(float32);
        var inner = wide.add(wide.pow(3.0.AsScalar()), GeluCubic.AsScalar()).mul(GeluScale.AsScalar());
        return wide.mul(0.5.AsScalar()).mul(inner.tanh().add(Scalars.One, Scalars.One)).to_type(x.dtype);
    }
}
