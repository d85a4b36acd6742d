using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model;

/// <summary>
/// Rotary position embedding, the "rotate half" form of the Llama checkpoints on Hugging Face:
/// x·cos + rotate_half(x)·sin, with angle(pos, i) = pos / theta^(2i / head_dim).
/// </summary>
internal sealed class Rope : IDisposable
{
    private readonly ModelConfig _config;
    private readonly torch.Device _device;

    public Rope(ModelConfig config, torch.Device device)
    {
        (_config, _device) = (config, device);
        using var scope = NewDisposeScope();
        var (cos, sin) = Table(0, config.MaxPositionEmbeddings, config.MaxPositionEmbeddings);
        (Cos, Sin) = (cos.DetachFromDisposeScope(), sin.DetachFromDisposeScope());
    }

    /// <summary>[max_position_embeddings, head_dim] float32</summary>
    public Tensor Cos { get; }
    public Tensor Sin { get; }

    /// <summary>cos and sin of positions [start, start + length), each [length, head_dim] of the given type.</summary>
    public (Tensor Cos, Tensor Sin) At(int start, int length, ScalarType type)
    {
        var (cos, sin) = start + length <= Cos.size(0)
            ? (Cos.narrow(0, start, length), Sin.narrow(0, start, length))
            : Table(start, length, start + length);
        return (cos.to_type(type), sin.to_type(type));
    }

    /// <summary>x [batch, heads, length, head_dim] turned by its positions.</summary>
    public static Tensor Apply(Tensor x, Tensor cos, Tensor sin)
    {
        var half = x.size(3) / 2;
        var rotated = cat([x.narrow(3, half, half).neg(), x.narrow(3, 0, half)], -1);
        return x.mul(cos).add_(rotated.mul_(sin), Scalars.One);
    }

    private (Tensor Cos, Tensor Sin) Table(int start, int length, int positions)
    {
        var frequencies = _config.Rope.InverseFrequencies(_config.RopeTheta, _config.HeadDim, positions);
        var angles = outer(Scalars.Counting(start, start + length, float32, CPU), tensor(frequencies, float32));
        var both = cat([angles, angles], -1);
        var factor = _config.Rope.AttentionFactor;
        return (both.cos().mul_(factor).to(_device), both.sin().mul_(factor).to(_device));
    }

    public void Dispose()
    {
        Cos.Dispose();
        Sin.Dispose();
    }
}
