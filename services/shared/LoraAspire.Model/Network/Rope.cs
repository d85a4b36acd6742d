using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model;

/// <summary>
/// Rotary position embedding, the "rotate half" form of the Llama checkpoints on Hugging Face:
/// x·cos + rotate_half(x)·sin, with angle(pos, i) = pos / theta^(2i / head_dim).
/// </summary>
internal sealed class Rope : IDisposable
{
    private readonly Tensor _cos; // [positions, head_dim] float32
    private readonly Tensor _sin;

    public Rope(ModelConfig config, torch.Device device)
    {
        using var scope = NewDisposeScope();
        var angles = outer(arange(config.MaxPositionEmbeddings, float32), tensor(InverseFrequencies(config), float32));
        var both = cat([angles, angles], -1);
        _cos = both.cos().to(device).MoveToOuterDisposeScope();
        _sin = both.sin().to(device).MoveToOuterDisposeScope();
        _cos.DetachFromDisposeScope();
        _sin.DetachFromDisposeScope();
    }

    /// <summary>[positions, head_dim] float32</summary>
    public Tensor Cos => _cos;
    public Tensor Sin => _sin;

    public int Positions => (int)_cos.size(0);

    /// <summary>cos and sin of positions [start, start + length), each [length, head_dim] of the given type.</summary>
    public (Tensor Cos, Tensor Sin) At(int start, int length, ScalarType type) =>
        (_cos.narrow(0, start, length).to_type(type), _sin.narrow(0, start, length).to_type(type));

    /// <summary>x [batch, heads, length, head_dim] turned by its positions.</summary>
    public static Tensor Apply(Tensor x, Tensor cos, Tensor sin)
    {
        var half = x.size(3) / 2;
        var rotated = cat([x.narrow(3, half, half).neg(), x.narrow(3, 0, half)], -1);
        return x.mul(cos).add_(rotated.mul_(sin));
    }

    public void Dispose()
    {
        _cos.Dispose();
        _sin.Dispose();
    }

    /// <summary>theta^(-2i / head_dim) in float32, scaled as rope_type says (llama3: Meta's three-branch rule by wavelength).</summary>
    private static float[] InverseFrequencies(ModelConfig config)
    {
        var frequencies = new float[config.HeadDim / 2];
        for (var i = 0; i < frequencies.Length; i++)
        {
            frequencies[i] = Scale(1f / MathF.Pow((float)config.RopeTheta, 2f * i / config.HeadDim), config.Rope);
        }
        return frequencies;
    }

    private static float Scale(float frequency, RopeScaling rope)
    {
        if (rope.RopeType == "linear")
        {
            return (float)(frequency / rope.Factor);
        }
        if (rope.RopeType != "llama3")
        {
            return frequency;
        }
        var wavelength = 2 * Math.PI / frequency;
        var turns = rope.OriginalMaxPositionEmbeddings / wavelength; // full turns within the original context
        if (turns > rope.HighFreqFactor)
        {
            return frequency;
        }
        if (turns < rope.LowFreqFactor)
        {
            return (float)(frequency / rope.Factor);
        }
        var smooth = (turns - rope.LowFreqFactor) / (rope.HighFreqFactor - rope.LowFreqFactor);
        return (float)(((1 - smooth) * frequency / rope.Factor) + (smooth * frequency));
    }
}
