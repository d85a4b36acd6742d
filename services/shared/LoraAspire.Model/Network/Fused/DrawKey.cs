using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>What random words are drawn by, beside (token, place).</summary>
internal readonly record struct DrawKey(uint First, uint Second)
{
    private const long Word = 0xFFFF_FFFF;

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
}
