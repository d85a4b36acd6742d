using System.Runtime.CompilerServices;

namespace LoraAspire.Model.Generation.Cpu.Vectors;

/// <summary>Functions that processors have no instruction for, each lane to about 2 units in the last place.</summary>
internal static class Exponential<TLanes, TVector> where TLanes : ILanes<TVector> where TVector : struct
{
    /// <summary>eˣ = 2ⁿ·eʳ with |r| ≤ ½·ln 2, eʳ by its Taylor series; below −87 what the smallest normal numbers are.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Exp(TVector x)
    {
        x = TLanes.Max(TLanes.Min(x, TLanes.Of(88)), TLanes.Of(-87));
        var n = TLanes.Round(TLanes.Multiply(x, TLanes.Of(1.44269504f)));
        // ln 2 in two parts, of which the first has zeros behind it: n times it is exact.
        var r = TLanes.MultiplyAdd(n, TLanes.Of(-0.693359375f), x);
        r = TLanes.MultiplyAdd(n, TLanes.Of(2.12194440e-4f), r);
        var p = TLanes.Of(1 / 5040f);
        p = TLanes.MultiplyAdd(p, r, TLanes.Of(1 / 720f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Of(1 / 120f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Of(1 / 24f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Of(1 / 6f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Of(0.5f));
        p = TLanes.MultiplyAdd(p, r, TLanes.Of(1));
        p = TLanes.MultiplyAdd(p, r, TLanes.Of(1));
        return TLanes.Multiply(p, TLanes.PowerOfTwo(n));
    }

    /// <summary>tanh x = (1 − e⁻²ˣ) / (1 + e⁻²ˣ); near 0, where that cancels, its series.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Tanh(TVector x)
    {
        TVector one = TLanes.Of(1), square = TLanes.Multiply(x, x), magnitude = TLanes.Abs(x);
        var p = TLanes.Of(62 / 2835f);
        p = TLanes.MultiplyAdd(p, square, TLanes.Of(-17 / 315f));
        p = TLanes.MultiplyAdd(p, square, TLanes.Of(2 / 15f));
        p = TLanes.MultiplyAdd(p, square, TLanes.Of(-1 / 3f));
        var small = TLanes.MultiplyAdd(TLanes.Multiply(p, square), x, x);
        var e = Exp(TLanes.Multiply(magnitude, TLanes.Of(-2)));
        var large = TLanes.Divide(TLanes.Subtract(one, e), TLanes.Add(one, e));
        var negative = TLanes.Subtract(TLanes.Of(0), large);
        return TLanes.WhereLess(magnitude, TLanes.Of(0.25f), small, TLanes.WhereLess(x, TLanes.Of(0), negative, large));
    }
}
