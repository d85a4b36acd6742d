using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraAspire.Model.Generation.Cpu.Matrices;

/// <summary>Products of 32 weights with 32 activations, whole numbers of 8 bits, added up in eight sums of four: exact.</summary>
internal interface IByteProduct
{
    /// <param name="w">Weights plus 128.</param>
    /// <param name="x">Activations.</param>
    /// <param name="shift">−128 times the activations of each of the eight sums.</param>
    static abstract Vector256<int> Sums(Vector256<byte> w, Vector256<sbyte> x, Vector256<int> shift);
}

internal readonly struct VnniProduct : IByteProduct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Sums(Vector256<byte> w, Vector256<sbyte> x, Vector256<int> shift) =>
        AvxVnni.MultiplyWideningAndAdd(shift, w, x);
}

/// <summary>Its sums of two have 16 bits, which 2·127·127 fits and 2·255·127 does not: signs move from weights to activations.</summary>
internal readonly struct Avx2Product : IByteProduct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Sums(Vector256<byte> w, Vector256<sbyte> x, Vector256<int> shift)
    {
        var signed = (w ^ Vector256.Create((byte)128)).AsSByte();
        return Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Avx2.Abs(signed), Avx2.Sign(x, signed)), Vector256<short>.One);
    }
}

/// <summary>The sums are of other fours, which the sum of all eight doesn't show.</summary>
internal readonly struct PlainProduct : IByteProduct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<int> Sums(Vector256<byte> w, Vector256<sbyte> x, Vector256<int> shift)
    {
        var signed = (w ^ Vector256.Create((byte)128)).AsSByte();
        var (low, high) = (Half(signed.GetLower(), x.GetLower()), Half(signed.GetUpper(), x.GetUpper()));
        return Vector256.Create(low, high);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<int> Half(Vector128<sbyte> w, Vector128<sbyte> x)
    {
        var lower = Vector128.WidenLower(w) * Vector128.WidenLower(x);
        var upper = Vector128.WidenUpper(w) * Vector128.WidenUpper(x);
        return Vector128.WidenLower(lower) + Vector128.WidenUpper(lower) + Vector128.WidenLower(upper) + Vector128.WidenUpper(upper);
    }
}
