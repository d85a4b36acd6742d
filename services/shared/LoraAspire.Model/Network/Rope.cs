using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Fused;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>
/// Rotary position embedding, the "rotate half" form of the Llama checkpoints on Hugging Face:
/// x·cos + rotate_half(x)·sin, with angle(pos, i) = pos / theta^(2i / head_dim).
/// </summary>
internal sealed class Rope(ModelConfig config, torch.Device device) : IDisposable
{
    /// <summary>A model may claim a context of any length; the table grows with what is used of it.</summary>
    private const int FirstPositions = 2048;

    private readonly Lock _growing = new();
    private (Tensor Cos, Tensor Sin)? _table;

    /// <summary>cos and sin of positions [start, start + length), each [length, head_dim] of the given type.</summary>
    public (Tensor Cos, Tensor Sin) At(int start, int length, ScalarType type)
    {
        var end = checked(start + length);
        if (end > config.MaxPositionEmbeddings)
        {
            var (far, away) = Table(start, length, end);
            return (far.to_type(type), away.to_type(type));
        }
        var (cos, sin) = UpTo(end);
        return (cos.narrow(0, start, length).to_type(type), sin.narrow(0, start, length).to_type(type));
    }

    /// <summary>cos and sin of the positions from 0, each [at least length, head_dim] float32.</summary>
    /// <param name="length">At most max_position_embeddings.</param>
    public (Tensor Cos, Tensor Sin) UpTo(int length)
    {
        lock (_growing)
        {
            if (_table is not { } table || table.Cos.size(0) < length)
            {
                using var scope = NewDisposeScope();
                var positions = (int)Math.Min(config.MaxPositionEmbeddings,
                    Math.Max(FirstPositions, Math.Max((long)length, 2 * (_table?.Cos.size(0) ?? 0))));
                var (cos, sin) = Table(0, positions, config.MaxPositionEmbeddings);
                DisposeTable();
                _table = table = (cos.DetachFromDisposeScope(), sin.DetachFromDisposeScope());
            }
            return (table.Cos.alias(), table.Sin.alias());
        }
    }

    /// <summary>The same of rows of several tables.</summary>
    public (Tensor Cos, Tensor Sin) Of(RotaryLengths lengths)
    {
        if (lengths.Beyond.Count == 0)
        {
            return UpTo(lengths.Within);
        }
        using var scope = NewDisposeScope();
        List<(Tensor Cos, Tensor Sin)> tables = [.. lengths.Beyond.Select(length => Table(0, length, length))];
        if (lengths.Within > 0)
        {
            var (cos, sin) = UpTo(lengths.Within);
            tables.Insert(0, (cos.narrow(0, 0, lengths.Within), sin.narrow(0, 0, lengths.Within)));
        }
        return (cat([.. tables.Select(table => table.Cos)]).MoveToOuterDisposeScope(),
            cat([.. tables.Select(table => table.Sin)]).MoveToOuterDisposeScope());
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
        var frequencies = config.Rope.InverseFrequencies(config.RopeTheta, config.HeadDim, positions);
        var angles = outer(Scalars.Counting(start, start + length, float32, CPU), tensor(frequencies, float32));
        var both = cat([angles, angles], -1);
        var factor = config.Rope.AttentionFactor;
        return (both.cos().mul_(factor.AsScalar()).Sent(device), both.sin().mul_(factor.AsScalar()).Sent(device));
    }

    public void Dispose() => DisposeTable();

    private void DisposeTable()
    {
        _table?.Cos.Dispose();
        _table?.Sin.Dispose();
    }
}
