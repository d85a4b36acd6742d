using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>Sums over the tokens of a micro-batch in float32, whatever is computed in.</summary>
internal static class RowSums
{
    /// <summary>Rows that are widened together.</summary>
    private const long RowsAtOnce = 1024;

    /// <summary>sums += Σ over rows of a ⊙ b ⊙ factors.</summary>
    /// <param name="sums">[width] float32</param>
    /// <param name="a">[T, width]</param>
    /// <param name="b">The same; null is 1.</param>
    /// <param name="factors">[T, 1] float32; null is 1.</param>
    public static void Add(Tensor sums, Tensor a, Tensor? b = null, Tensor? factors = null)
    {
        for (long row = 0; row < a.size(0); row += RowsAtOnce)
        {
            using var scope = NewDisposeScope();
            var count = Math.Min(RowsAtOnce, a.size(0) - row);
            var product = a.narrow(0, row, count).to_type(float32);
            product = b is null ? product : product.mul(b.narrow(0, row, count));
            product = factors is null ? product : product.mul(factors.narrow(0, row, count));
            sums.add_(product.sum([0]), Scalars.One);
        }
    }
}
