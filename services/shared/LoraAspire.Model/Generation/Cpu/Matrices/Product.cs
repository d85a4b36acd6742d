using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using LoraAspire.Model.Generation.Cpu.Vectors;

namespace LoraAspire.Model.Generation.Cpu.Matrices;

/// <summary>
/// x·Wᵀ for weights that are numbers one by one. Each (row, output) has one vector of partial sums, over k in steps of the vector's width,
/// and then one sum of its lanes: the order of additions is the same in a tile of any shape, so a row's result doesn't depend on how many
/// rows there are.
/// </summary>
internal static unsafe class Product<TLanes, TVector, TWeights>
    where TLanes : ILanes<TVector> where TVector : struct where TWeights : IWeights<TVector>
{
    /// <summary>Activations that stay in the second cache while the weights pass by once.</summary>
    private const int CachedBytes = 512 * 1024;

    /// <summary>Outputs from <paramref name="from"/> to <paramref name="to"/> of all rows.</summary>
    /// <param name="x">[rows, xStride]</param>
    /// <param name="w">[outputs, k]; k is a multiple of the vector's width.</param>
    public static void Run(float* x, int xStride, int rows, byte* w, int k, int from, int to, Target target)
    {
        if (rows == 1)
        {
            var eight = stackalloc float[8];
            for (var o = from; o < to; o += 8)
            {
                OneByEight(x, w, k, o, to, eight);
                target.Put(0, 1, o, to, eight);
                if (o + 4 < to)
                {
                    target.Put(0, 1, o + 4, to, eight + 4);
                }
            }
            return;
        }
        var sums = stackalloc float[16];
        var chunk = Math.Max(4, CachedBytes / (k * sizeof(float)) & ~3);
        for (var row = 0; row < rows; row += chunk)
        {
            var count = Math.Min(chunk, rows - row);
            for (var o = from; o < to; o += 4)
            {
                for (var r = row; r < row + count; r += TLanes.HasManyRegisters ? 4 : 2)
                {
                    if (TLanes.HasManyRegisters)
                    {
                        FourByFour(x, xStride, r, row + count, w, k, o, to, sums);
                    }
                    else
                    {
                        TwoByFour(x, xStride, r, row + count, w, k, o, to, sums);
                    }
                    target.Put(r, Math.Min(TLanes.HasManyRegisters ? 4 : 2, row + count - r), o, to, sums);
                }
            }
        }
    }

    /// <summary>One row against eight outputs: as fast as the weights come.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void OneByEight(float* x, byte* w, int k, int o, int to, float* sums)
    {
        var stride = (long)k * TWeights.Size;
        byte* w0 = w + (o * stride), w1 = Row(w, stride, o + 1, to), w2 = Row(w, stride, o + 2, to), w3 = Row(w, stride, o + 3, to);
        byte* w4 = Row(w, stride, o + 4, to), w5 = Row(w, stride, o + 5, to), w6 = Row(w, stride, o + 6, to),
            w7 = Row(w, stride, o + 7, to);
        TVector s0 = default, s1 = default, s2 = default, s3 = default, s4 = default, s5 = default, s6 = default, s7 = default;
        for (var i = 0; i < k; i += TLanes.Count)
        {
            var value = TLanes.Load(x + i);
            s0 = TLanes.MultiplyAdd(TWeights.Load(w0, i), value, s0);
            s1 = TLanes.MultiplyAdd(TWeights.Load(w1, i), value, s1);
            s2 = TLanes.MultiplyAdd(TWeights.Load(w2, i), value, s2);
            s3 = TLanes.MultiplyAdd(TWeights.Load(w3, i), value, s3);
            s4 = TLanes.MultiplyAdd(TWeights.Load(w4, i), value, s4);
            s5 = TLanes.MultiplyAdd(TWeights.Load(w5, i), value, s5);
            s6 = TLanes.MultiplyAdd(TWeights.Load(w6, i), value, s6);
            s7 = TLanes.MultiplyAdd(TWeights.Load(w7, i), value, s7);
        }
        TLanes.Sums(s0, s1, s2, s3).Store(sums);
        TLanes.Sums(s4, s5, s6, s7).Store(sums + 4);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FourByFour(float* x, int xStride, int row, int rows, byte* w, int k, int o, int to, float* sums)
    {
        var stride = (long)k * TWeights.Size;
        byte* w0 = w + (o * stride), w1 = Row(w, stride, o + 1, to), w2 = Row(w, stride, o + 2, to), w3 = Row(w, stride, o + 3, to);
        float* x0 = x + ((long)row * xStride), x1 = XRow(x, xStride, row + 1, rows), x2 = XRow(x, xStride, row + 2, rows),
            x3 = XRow(x, xStride, row + 3, rows);
        TVector a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        TVector c0 = default, c1 = default, c2 = default, c3 = default, d0 = default, d1 = default, d2 = default, d3 = default;
        for (var i = 0; i < k; i += TLanes.Count)
        {
            TVector v0 = TWeights.Load(w0, i), v1 = TWeights.Load(w1, i), v2 = TWeights.Load(w2, i), v3 = TWeights.Load(w3, i);
            var value = TLanes.Load(x0 + i);
            a0 = TLanes.MultiplyAdd(v0, value, a0);
            a1 = TLanes.MultiplyAdd(v1, value, a1);
            a2 = TLanes.MultiplyAdd(v2, value, a2);
            a3 = TLanes.MultiplyAdd(v3, value, a3);
            value = TLanes.Load(x1 + i);
            b0 = TLanes.MultiplyAdd(v0, value, b0);
            b1 = TLanes.MultiplyAdd(v1, value, b1);
            b2 = TLanes.MultiplyAdd(v2, value, b2);
            b3 = TLanes.MultiplyAdd(v3, value, b3);
            value = TLanes.Load(x2 + i);
            c0 = TLanes.MultiplyAdd(v0, value, c0);
            c1 = TLanes.MultiplyAdd(v1, value, c1);
            c2 = TLanes.MultiplyAdd(v2, value, c2);
            c3 = TLanes.MultiplyAdd(v3, value, c3);
            value = TLanes.Load(x3 + i);
            d0 = TLanes.MultiplyAdd(v0, value, d0);
            d1 = TLanes.MultiplyAdd(v1, value, d1);
            d2 = TLanes.MultiplyAdd(v2, value, d2);
            d3 = TLanes.MultiplyAdd(v3, value, d3);
        }
        TLanes.Sums(a0, a1, a2, a3).Store(sums);
        TLanes.Sums(b0, b1, b2, b3).Store(sums + 4);
        TLanes.Sums(c0, c1, c2, c3).Store(sums + 8);
        TLanes.Sums(d0, d1, d2, d3).Store(sums + 12);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void TwoByFour(float* x, int xStride, int row, int rows, byte* w, int k, int o, int to, float* sums)
    {
        var stride = (long)k * TWeights.Size;
        byte* w0 = w + (o * stride), w1 = Row(w, stride, o + 1, to), w2 = Row(w, stride, o + 2, to), w3 = Row(w, stride, o + 3, to);
        float* x0 = x + ((long)row * xStride), x1 = XRow(x, xStride, row + 1, rows);
        TVector a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        for (var i = 0; i < k; i += TLanes.Count)
        {
            TVector v0 = TWeights.Load(w0, i), v1 = TWeights.Load(w1, i), v2 = TWeights.Load(w2, i), v3 = TWeights.Load(w3, i);
            TVector first = TLanes.Load(x0 + i), second = TLanes.Load(x1 + i);
            a0 = TLanes.MultiplyAdd(v0, first, a0);
            a1 = TLanes.MultiplyAdd(v1, first, a1);
            a2 = TLanes.MultiplyAdd(v2, first, a2);
            a3 = TLanes.MultiplyAdd(v3, first, a3);
            b0 = TLanes.MultiplyAdd(v0, second, b0);
            b1 = TLanes.MultiplyAdd(v1, second, b1);
            b2 = TLanes.MultiplyAdd(v2, second, b2);
            b3 = TLanes.MultiplyAdd(v3, second, b3);
        }
        TLanes.Sums(a0, a1, a2, a3).Store(sums);
        TLanes.Sums(b0, b1, b2, b3).Store(sums + 4);
    }

    /// <summary>Behind the last output stands the last once more; its result is thrown away.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static byte* Row(byte* w, long stride, int o, int to) => w + (Math.Min(o, to - 1) * stride);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float* XRow(float* x, int stride, int row, int rows) => x + ((long)Math.Min(row, rows - 1) * stride);
}
