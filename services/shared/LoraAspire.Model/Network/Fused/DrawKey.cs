using System.Numerics;
using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// What random words are drawn by, beside a counter of (token, place): fold(fold(counter ⊕ first, f₁) ⊕ second, f₂), where fold(x, f) is
/// the exclusive or of the two halves of the 64-bit product x·f. A GPU has few units for shifts, and this takes none.
/// </summary>
internal readonly record struct DrawKey(uint First, uint Second)
{
    private const long Word = 0xFFFF_FFFF;
    private const uint Factor1 = 0x9E3779B1, Factor2 = 0x85EBCA77;

    /// <param name="seed">Of the optimiser step.</param>
    /// <param name="module">Who draws: another number, other words.</param>
    public static DrawKey Of(long seed, int module)
    {
        var key = SplitMix((ulong)seed + (0x9E3779B97F4A7C15UL * (ulong)(module + 1)));
        return new((uint)key, (uint)(key >> 32));
    }

    /// <summary>The words of these counters.</summary>
    public Vector<uint> Words(Vector<uint> counters) =>
        Fold(Fold(counters ^ new Vector<uint>(First), Factor1) ^ new Vector<uint>(Second), Factor2);

    private static Vector<uint> Fold(Vector<uint> x, uint factor)
    {
        Vector<ulong> wide = Vector.AsVectorUInt64(x), lower = new((ulong)Word), by = new(factor);
        Vector<ulong> even = (wide & lower) * by, odd = (wide >> 32) * by;
        return Vector.AsVectorUInt32(((even ^ (even >> 32)) & lower) | Vector.AndNot(odd ^ (odd << 32), lower));
    }

    /// <summary>
    /// The same on any device, by ATen operators: [T, count] int64 below 2³², of the counters number · count + place.
    /// </summary>
    /// <param name="numbers">[T]</param>
    public Tensor Words(Tensor numbers, long count)
    {
        using var scope = NewDisposeScope();
        var counters = numbers.to_type(int64).unsqueeze(1).mul(count.AsScalar())
            .add(Scalars.Counting(0, count, int64, numbers.device), 1L.AsScalar()).bitwise_and_(tensor(Word));
        var words = Fold(Fold(counters.bitwise_xor_(tensor((long)First)), Factor1).bitwise_xor_(tensor((long)Second)), Factor2);
        return words.MoveToOuterDisposeScope();
    }

    /// <summary>Written over its argument. The product's 64 bits are there though int64 has a sign.</summary>
    private static Tensor Fold(Tensor words, uint factor)
    {
        words.mul_(((long)factor).AsScalar());
        using var bits = tensor(32L);
        using var upper = words.bitwise_right_shift(bits);
        return words.bitwise_xor_(upper).bitwise_and_(tensor(Word));
    }

    private static ulong SplitMix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBUL;
        return x ^ (x >> 31);
    }
}
