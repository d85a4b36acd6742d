using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using LoraAspire.Model.Generation.Cpu.Vectors;

namespace LoraAspire.Model.Generation.Cpu.Matrices;

/// <summary>Rows of activations in blocks of 32 whole numbers from −127 to 127 with a scale each.</summary>
/// <param name="Values">[rows, k] sbyte</param>
/// <param name="Shifts">[rows, k / 4] int: −128 times the sum of each four.</param>
/// <param name="Scales">[rows, <see cref="Blocks.Scales"/>] float32</param>
/// <param name="K">Values in a row, a multiple of 32.</param>
internal readonly record struct QuantizedRows(nint Values, nint Shifts, nint Scales, int K);

/// <summary>Sizes of Q8_0: 32 weights share a scale.</summary>
internal static class Blocks
{
    public const int Size = 32;

    /// <summary>Scales of a row of k values, with those that fill up the last vector.</summary>
    public static int Scales(int k) => ((k / Size) + 7) & ~7;
}

/// <summary>
/// x·Wᵀ of whole numbers of 8 bits: the sums of a block are exact, and are added in float32 from the first block to the last, in eight
/// lanes for each (row, output): the same order in a tile of any shape.
/// </summary>
internal static unsafe class QuantizedProduct<TProduct> where TProduct : IByteProduct
{
    private const int Group = 8; // blocks whose scales one vector holds
    private const int CachedBytes = 512 * 1024;

    /// <param name="w">[outputs, k] weights plus 128</param>
    /// <param name="scales">[outputs, Blocks.Scales(k)] bfloat16</param>
    public static void Run(QuantizedRows x, int first, int rows, byte* w, ushort* scales, int from, int to, Target target)
    {
        if (rows == 1)
        {
            var four = stackalloc float[4];
            for (var o = from; o < to; o += 4)
            {
                One(x, first, w, scales, o, to, four);
                target.Put(0, 1, o, to, four);
            }
            return;
        }
        var sums = stackalloc float[16];
        var chunk = Math.Max(4, CachedBytes / (2 * x.K) & ~3);
        for (var row = 0; row < rows; row += chunk)
        {
            var end = Math.Min(row + chunk, rows);
            for (var o = from; o < to; o += 4)
            {
                for (var r = row; r < end; r += 4)
                {
                    Four(x, first, r, end, w, scales, o, to, sums);
                    target.Put(r, Math.Min(4, end - r), o, to, sums);
                }
            }
        }
    }

    /// <summary>One row against four outputs; the weights of the next four are asked for meanwhile.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void One(QuantizedRows x, int row, byte* w, ushort* scales, int o, int to, float* sums)
    {
        int k = x.K, blocks = k / Blocks.Size, stride = Blocks.Scales(k);
        var values = (sbyte*)x.Values + ((long)row * k);
        var shifts = (int*)x.Shifts + ((long)row * (k / 4));
        var rowScales = (float*)x.Scales + ((long)row * stride);
        var both = stackalloc float[4 * Group];
        long o1 = Math.Min(o + 1, to - 1), o2 = Math.Min(o + 2, to - 1), o3 = Math.Min(o + 3, to - 1);
        byte* w0 = w + ((long)o * k), w1 = w + (o1 * k), w2 = w + (o2 * k), w3 = w + (o3 * k);
        ushort* d0 = scales + ((long)o * stride), d1 = scales + (o1 * stride), d2 = scales + (o2 * stride), d3 = scales + (o3 * stride);
        Vector256<float> s0 = default, s1 = default, s2 = default, s3 = default;
        for (var group = 0; group < blocks; group += Group)
        {
            var d = Vector256.Load(rowScales + group);
            (Lanes256.LoadBFloat16(d0 + group) * d).Store(both);
            (Lanes256.LoadBFloat16(d1 + group) * d).Store(both + Group);
            (Lanes256.LoadBFloat16(d2 + group) * d).Store(both + (2 * Group));
            (Lanes256.LoadBFloat16(d3 + group) * d).Store(both + (3 * Group));
            var count = Math.Min(Group, blocks - group);
            for (var i = 0; i < count; i++)
            {
                var at = (group + i) * Blocks.Size;
                if (Sse.IsSupported)
                {
                    Sse.Prefetch0(w0 + at + (4 * k));
                    Sse.Prefetch0(w1 + at + (4 * k));
                    Sse.Prefetch0(w2 + at + (4 * k));
                    Sse.Prefetch0(w3 + at + (4 * k));
                }
                var value = Vector256.Load(values + at);
                var shift = Vector256.Load(shifts + (at / 4));
                s0 = Add(s0, w0 + at, value, shift, both[i]);
                s1 = Add(s1, w1 + at, value, shift, both[Group + i]);
                s2 = Add(s2, w2 + at, value, shift, both[(2 * Group) + i]);
                s3 = Add(s3, w3 + at, value, shift, both[(3 * Group) + i]);
            }
        }
        Lanes256.Sums(s0, s1, s2, s3).Store(sums);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(QuantizedRows x, int first, int row, int rows, byte* w, ushort* scales, int o, int to,
        float* sums)
    {
        int k = x.K, blocks = k / Blocks.Size, stride = Blocks.Scales(k), last = rows - 1;
        long o1 = Math.Min(o + 1, to - 1), o2 = Math.Min(o + 2, to - 1), o3 = Math.Min(o + 3, to - 1);
        long r0 = first + row, r1 = first + Math.Min(row + 1, last), r2 = first + Math.Min(row + 2, last),
            r3 = first + Math.Min(row + 3, last);
        byte* w0 = w + ((long)o * k), w1 = w + (o1 * k), w2 = w + (o2 * k), w3 = w + (o3 * k);
        ushort* d0 = scales + ((long)o * stride), d1 = scales + (o1 * stride), d2 = scales + (o2 * stride), d3 = scales + (o3 * stride);
        sbyte* x0 = (sbyte*)x.Values + (r0 * k), x1 = (sbyte*)x.Values + (r1 * k), x2 = (sbyte*)x.Values + (r2 * k),
            x3 = (sbyte*)x.Values + (r3 * k);
        int* h0 = (int*)x.Shifts + (r0 * (k / 4)), h1 = (int*)x.Shifts + (r1 * (k / 4)), h2 = (int*)x.Shifts + (r2 * (k / 4)),
            h3 = (int*)x.Shifts + (r3 * (k / 4));
        float* e = (float*)x.Scales, e0 = e + (r0 * stride), e1 = e + (r1 * stride), e2 = e + (r2 * stride), e3 = e + (r3 * stride);
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default, b0 = default, b1 = default, b2 = default, b3 = default;
        Vector256<float> c0 = default, c1 = default, c2 = default, c3 = default, g0 = default, g1 = default, g2 = default, g3 = default;
        var both = stackalloc float[16 * Group];
        for (var group = 0; group < blocks; group += Group)
        {
            Vector256<float> f0 = Vector256.Load(e0 + group), f1 = Vector256.Load(e1 + group), f2 = Vector256.Load(e2 + group),
                f3 = Vector256.Load(e3 + group);
            Scales(Lanes256.LoadBFloat16(d0 + group), f0, f1, f2, f3, both);
            Scales(Lanes256.LoadBFloat16(d1 + group), f0, f1, f2, f3, both + (4 * Group));
            Scales(Lanes256.LoadBFloat16(d2 + group), f0, f1, f2, f3, both + (8 * Group));
            Scales(Lanes256.LoadBFloat16(d3 + group), f0, f1, f2, f3, both + (12 * Group));
            var count = Math.Min(Group, blocks - group);
            for (var i = 0; i < count; i++)
            {
                var at = (group + i) * Blocks.Size;
                byte* v0 = w0 + at, v1 = w1 + at, v2 = w2 + at, v3 = w3 + at;
                var scale = both + i;
                var value = Vector256.Load(x0 + at);
                var shift = Vector256.Load(h0 + (at / 4));
                a0 = Add(a0, v0, value, shift, scale[0]);
                a1 = Add(a1, v1, value, shift, scale[4 * Group]);
                a2 = Add(a2, v2, value, shift, scale[8 * Group]);
                a3 = Add(a3, v3, value, shift, scale[12 * Group]);
                value = Vector256.Load(x1 + at);
                shift = Vector256.Load(h1 + (at / 4));
                b0 = Add(b0, v0, value, shift, scale[Group]);
                b1 = Add(b1, v1, value, shift, scale[5 * Group]);
                b2 = Add(b2, v2, value, shift, scale[9 * Group]);
                b3 = Add(b3, v3, value, shift, scale[13 * Group]);
                value = Vector256.Load(x2 + at);
                shift = Vector256.Load(h2 + (at / 4));
                c0 = Add(c0, v0, value, shift, scale[2 * Group]);
                c1 = Add(c1, v1, value, shift, scale[6 * Group]);
                c2 = Add(c2, v2, value, shift, scale[10 * Group]);
                c3 = Add(c3, v3, value, shift, scale[14 * Group]);
                value = Vector256.Load(x3 + at);
                shift = Vector256.Load(h3 + (at / 4));
                g0 = Add(g0, v0, value, shift, scale[3 * Group]);
                g1 = Add(g1, v1, value, shift, scale[7 * Group]);
                g2 = Add(g2, v2, value, shift, scale[11 * Group]);
                g3 = Add(g3, v3, value, shift, scale[15 * Group]);
            }
        }
        Lanes256.Sums(a0, a1, a2, a3).Store(sums);
        Lanes256.Sums(b0, b1, b2, b3).Store(sums + 4);
        Lanes256.Sums(c0, c1, c2, c3).Store(sums + 8);
        Lanes256.Sums(g0, g1, g2, g3).Store(sums + 12);
    }

    /// <summary>Scales of eight blocks of an output times those of four rows.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Scales(Vector256<float> d, Vector256<float> f0, Vector256<float> f1, Vector256<float> f2, Vector256<float> f3,
        float* to)
    {
        (d * f0).Store(to);
        (d * f1).Store(to + Group);
        (d * f2).Store(to + (2 * Group));
        (d * f3).Store(to + (3 * Group));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> Add(Vector256<float> sum, byte* w, Vector256<sbyte> x, Vector256<int> shift, float scale) =>
        Vector256.MultiplyAddEstimate(Vector256.ConvertToSingle(TProduct.Sums(Vector256.Load(w), x, shift)), Vector256.Create(scale), sum);
}
