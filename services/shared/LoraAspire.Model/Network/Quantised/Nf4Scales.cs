using System.Numerics.Tensors;
using LoraAspire.Model.Native;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>
/// The scales of NF4's blocks: as they are, or quantised themselves (double quantisation): less their mean, in blocks of 256, to a byte
/// each.
/// </summary>
/// <param name="Absmax">[blocks] float32, or uint8 where they are quantised</param>
/// <param name="Nested">[⌈blocks / 256⌉] float32: the largest of each 256; null where they are not quantised.</param>
/// <param name="Offset">What was taken off before.</param>
internal sealed record Nf4Scales(Tensor Absmax, Tensor? Nested, float Offset)
{
    public IEnumerable<Tensor> Parts => Nested is null ? [Absmax] : [Absmax, Nested];

    public static long Blocks(long weights) => (weights + Nf4Table.Block - 1) / Nf4Table.Block;

    public static long NestedBlocks(long blocks) => (blocks + DynamicMap.Block - 1) / DynamicMap.Block;

    /// <exception cref="ModelException">Some are no numbers.</exception>
    public static Nf4Scales Of(float[] absmax, bool twice, string name)
    {
        var plain = tensor(absmax).DetachFromDisposeScope();
        UnfitScales.RequireFinite(plain, name);
        if (!twice)
        {
            return new Nf4Scales(plain, null, 0);
        }
        plain.Dispose();
        var offset = (float)(absmax.Sum(value => (double)value) / absmax.Length);
        var codes = new byte[absmax.Length];
        var nested = new float[NestedBlocks(absmax.Length)];
        Parallel.For(0, nested.Length, block =>
        {
            var values = absmax.AsSpan(block * DynamicMap.Block, Math.Min(DynamicMap.Block, absmax.Length - (block * DynamicMap.Block)));
            TensorPrimitives.Subtract(values, offset, values);
            nested[block] = Math.Abs(TensorPrimitives.MaxMagnitude<float>(values));
            var inverse = nested[block] > 0 ? 1 / nested[block] : 0;
            for (var i = 0; i < values.Length; i++)
            {
                codes[(block * DynamicMap.Block) + i] = DynamicMap.Nearest(values[i] * inverse);
            }
        });
        return new Nf4Scales(tensor(codes, uint8).DetachFromDisposeScope(), tensor(nested).DetachFromDisposeScope(), offset);
    }

    /// <summary>One block's, on the CPU.</summary>
    public unsafe float At(long block) => Nested is null ? ((float*)Aten.Data(Absmax))[block]
        : (DynamicMap.Values[((byte*)Aten.Data(Absmax))[block]] * ((float*)Aten.Data(Nested))[block / DynamicMap.Block]) + Offset;

    public Nf4Scales With(Func<Tensor, Tensor> change) => new(change(Absmax), Nested is null ? null : change(Nested), Offset);
}
