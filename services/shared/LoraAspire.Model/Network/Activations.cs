using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model;

/// <summary>Activations that TorchSharp doesn't bind.</summary>
public static class Activations
{
    /// <summary>½x·(1 + tanh(√(2/π)·(x + 0.044715·x³))) (Hendrycks and Gimpel 2016), in float32; config.json's gelu_pytorch_tanh.</summary>
    public static Tensor GeluTanh(Tensor x)
    {
        var wide = x.to_type(float32);
        var inner = wide.add(wide.pow(3), 0.044715).mul(Math.Sqrt(2 / Math.PI));
        return wide.mul(0.5).mul(inner.tanh().add(1)).to_type(x.dtype);
    }
}
