using System.Runtime.CompilerServices;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cpu.Vectors;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>
/// softmax(cap(q·kᵀ·scale))·v in two walks over the block table. Which additions a query's sums are made of depends on its position and
/// window alone.
/// </summary>
internal sealed unsafe partial class Kernels<TLanes, TVector>
{
    private const int Positions = StepExecutor.BlockSize;

    [MethodImpl(Fast)]
    public override void Attend(in Query query)
    {
        int start = query.First / Positions, end = (query.Last / Positions) + 1, stride = (end - start) * Positions;
        var (cache, layer, keyHead, _) = query.Keys;
        int dim = cache.Dim, padded = cache.PaddedDim;
        float* scores = (float*)query.Room.Scores, sums = (float*)query.Room.Sums, heads = (float*)query.Heads;
        var blocks = (int*)query.Keys.Blocks;
        for (var block = start; block < end; block++)
        {
            var keys = cache.Keys(layer, blocks[block], keyHead);
            for (var head = 0; head < query.Count; head++)
            {
                Score(heads + (head * dim), keys, dim, query.Scale, scores + ((long)head * stride) + ((block - start) * Positions));
            }
        }
        for (var head = 0; head < query.Count; head++)
        {
            Softmax(scores + ((long)head * stride), query.First - (start * Positions), query.Last - (start * Positions) + 1, stride,
                query.Cap);
        }
        new Span<float>(sums, query.Count * padded).Clear();
        for (var block = start; block < end; block++)
        {
            var values = cache.Values(layer, blocks[block], keyHead);
            int first = Math.Max(0, query.First - (block * Positions)), count = Math.Min(Positions, query.Last - (block * Positions) + 1);
            for (var head = 0; head < query.Count; head++)
            {
                AddValues(scores + ((long)head * stride) + ((block - start) * Positions), values, padded, first, count,
                    sums + (head * padded));
            }
        }
        for (var head = 0; head < query.Count; head++)
        {
            new ReadOnlySpan<float>(sums + (head * padded), dim).CopyTo(new Span<float>((float*)query.To + (head * dim), dim));
        }
    }

    /// <summary>q·k of a block's 16 positions, in four sums of every fourth dimension.</summary>
    [MethodImpl(Fast)]
    private static void Score(float* q, float* keys, int dim, float scale, float* to)
    {
        for (var lane = 0; lane < Positions; lane += TLanes.Count)
        {
            TVector s0 = default, s1 = default, s2 = default, s3 = default;
            var k = keys + lane;
            var d = 0;
            for (; d + 4 <= dim; d += 4)
            {
                s0 = TLanes.MultiplyAdd(TLanes.Of(q[d]), TLanes.Load(k), s0);
                s1 = TLanes.MultiplyAdd(TLanes.Of(q[d + 1]), TLanes.Load(k + Positions), s1);
                s2 = TLanes.MultiplyAdd(TLanes.Of(q[d + 2]), TLanes.Load(k + (2 * Positions)), s2);
                s3 = TLanes.MultiplyAdd(TLanes.Of(q[d + 3]), TLanes.Load(k + (3 * Positions)), s3);
                k += 4 * Positions;
            }
            for (; d < dim; d++)
            {
                s0 = TLanes.MultiplyAdd(TLanes.Of(q[d]), TLanes.Load(k), s0);
                k += Positions;
            }
            TLanes.Store(TLanes.Multiply(TLanes.Add(TLanes.Add(s0, s1), TLanes.Add(s2, s3)), TLanes.Of(scale)), to + lane);
        }
    }

    /// <summary>Scores become probabilities; those outside <paramref name="first"/> to <paramref name="end"/> count nothing.</summary>
    [MethodImpl(Fast)]
    private void Softmax(float* scores, int first, int end, int width, float cap)
    {
        if (cap > 0)
        {
            Cap(scores, cap, width);
        }
        new Span<float>(scores, first).Fill(float.NegativeInfinity);
        new Span<float>(scores + end, width - end).Fill(float.NegativeInfinity);
        var most = TLanes.Load(scores);
        for (var i = TLanes.Count; i < width; i += TLanes.Count)
        {
            most = TLanes.Max(most, TLanes.Load(scores + i));
        }
        var top = TLanes.Of(TLanes.Largest(most));
        TVector sum = default;
        for (var i = 0; i < width; i += TLanes.Count)
        {
            var e = Exponential<TLanes, TVector>.Exp(TLanes.Subtract(TLanes.Load(scores + i), top));
            TLanes.Store(e, scores + i);
            sum = TLanes.Add(sum, e);
        }
        var inverse = TLanes.Of(1 / TLanes.Sums(sum, default, default, default)[0]);
        for (var i = 0; i < width; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Multiply(TLanes.Load(scores + i), inverse), scores + i);
        }
    }

    /// <summary>Adds p·v of a block's positions, four vectors of dimensions at a time, those of even and odd positions apart.</summary>
    [MethodImpl(Fast)]
    private static void AddValues(float* p, float* values, int padded, int first, int end, float* to)
    {
        var d = 0;
        for (; d + (2 * TLanes.Count) <= padded; d += 2 * TLanes.Count)
        {
            TVector a0 = TLanes.Load(to + d), a1 = TLanes.Load(to + d + TLanes.Count), b0 = default, b1 = default;
            var j = first;
            for (; j + 2 <= end; j += 2)
            {
                float* even = values + (j * padded) + d, odd = even + padded;
                TVector here = TLanes.Of(p[j]), there = TLanes.Of(p[j + 1]);
                a0 = TLanes.MultiplyAdd(here, TLanes.Load(even), a0);
                a1 = TLanes.MultiplyAdd(here, TLanes.Load(even + TLanes.Count), a1);
                b0 = TLanes.MultiplyAdd(there, TLanes.Load(odd), b0);
                b1 = TLanes.MultiplyAdd(there, TLanes.Load(odd + TLanes.Count), b1);
            }
            if (j < end)
            {
                var here = TLanes.Of(p[j]);
                a0 = TLanes.MultiplyAdd(here, TLanes.Load(values + (j * padded) + d), a0);
                a1 = TLanes.MultiplyAdd(here, TLanes.Load(values + (j * padded) + d + TLanes.Count), a1);
            }
            TLanes.Store(TLanes.Add(a0, b0), to + d);
            TLanes.Store(TLanes.Add(a1, b1), to + d + TLanes.Count);
        }
        for (; d < padded; d += TLanes.Count)
        {
            var sum = TLanes.Load(to + d);
            for (var j = first; j < end; j++)
            {
                sum = TLanes.MultiplyAdd(TLanes.Of(p[j]), TLanes.Load(values + (j * padded) + d), sum);
            }
            TLanes.Store(sum, to + d);
        }
    }
}
