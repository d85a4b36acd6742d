using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>What random words are drawn by, beside (token, place).</summary>
internal readonly record struct DrawKey(uint First, uint Second)
{
    private const long Word = 0xFFFF_FFFF;

    /// <param name="seed">Of the optimiser step.</param>
    /// <param name="module">Who draws: another number, other words.</param>
    public static DrawKey Of(long seed, int module)
    {
        var key = SplitMix((ulong)seed + (0x9E3779B97F4A7C15UL * (ulong)(module + 1)));
        return new((uint)key, (uint)(key >> 32));
    }

    /// <summary>
    /// <see cref="Dropout"/>'s words on any device, by ATen operators: [T, count] int64 below 2³², of the counters number · count + place.
    /// </summary>
    /// <param name="numbers">[T]</param>
    public Tensor Words(Tensor numbers, long count)
    {
        using var scope = NewDisposeScope();
        var counters = numbers.to_type(int64).unsqueeze(1).mul(count.AsScalar())
            .add(Scalars.Counting(0, count, int64, numbers.device), 1L.AsScalar()).bitwise_and_(tensor(Word));
        var words = Mix(Mix(counters.bitwise_xor_(tensor((long)First))).add_(((long)Second).AsScalar(), 1L.AsScalar())
            .bitwise_and_(tensor(Word)));
        return words.MoveToOuterDisposeScope();
    }

    /// <summary>lowbias32, written over its argument.</summary>
    private static Tensor Mix(Tensor words)
    {
        Shifted(words, 16);
        words.mul_(0x7FEB352DL.AsScalar()).bitwise_and_(tensor(Word));
        Shifted(words, 15);
        // 2³² less: the same lower half, and no product overflows.
        words.mul_((0x846CA68BL - (Word + 1)).AsScalar()).bitwise_and_(tensor(Word));
        Shifted(words, 16);
        return words;
    }

    private static void Shifted(Tensor words, long bits)
    {
        using var amount = tensor(bits);
        using var shifted = words.bitwise_right_shift(amount);
        words.bitwise_xor_(shifted);
    }

    private static ulong SplitMix(ulong x)
    {
        x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9UL;
        x = (x ^ (x >> 27)) * 0x94D049BB133111EBUL;
        return x ^ (x >> 31);
    }
}
