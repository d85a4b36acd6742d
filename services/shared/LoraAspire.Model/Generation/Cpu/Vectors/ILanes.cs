using System.Runtime.Intrinsics;

namespace LoraAspire.Model.Generation.Cpu.Vectors;

/// <summary>
/// Vectors of float32 of one width. Kernels are written once against it and compiled for each width, so that they run on whatever the
/// processor has.
/// </summary>
/// <typeparam name="TVector">What a register holds.</typeparam>
internal unsafe interface ILanes<TVector> where TVector : struct
{
    /// <summary>Float32 in a vector.</summary>
    static abstract int Count { get; }

    /// <summary>Registers for as many sums as a tile of 4 × 4 has.</summary>
    static abstract bool HasManyRegisters { get; }

    static abstract TVector Load(float* from);

    /// <summary>As many bfloat16 as there are lanes.</summary>
    static abstract TVector LoadBFloat16(ushort* from);
    static abstract void Store(TVector value, float* to);
    static abstract TVector Of(float value);
    static abstract TVector Add(TVector a, TVector b);
    static abstract TVector Subtract(TVector a, TVector b);
    static abstract TVector Multiply(TVector a, TVector b);
    static abstract TVector Divide(TVector a, TVector b);

    /// <summary>a·b + c, rounded once where the processor can.</summary>
    static abstract TVector MultiplyAdd(TVector a, TVector b, TVector c);
    static abstract TVector Min(TVector a, TVector b);
    static abstract TVector Max(TVector a, TVector b);
    static abstract TVector Abs(TVector a);
    static abstract TVector Round(TVector a);

    /// <summary>2ⁿ of whole numbers from −126 to 127.</summary>
    static abstract TVector PowerOfTwo(TVector n);

    /// <summary>Lane by lane <paramref name="yes"/> where a &lt; b.</summary>
    static abstract TVector WhereLess(TVector a, TVector b, TVector yes, TVector no);

    /// <summary>Sums of the lanes of four vectors. Each one's additions have the same order whatever stands beside it.</summary>
    static abstract Vector128<float> Sums(TVector a, TVector b, TVector c, TVector d);

    static abstract float Largest(TVector a);
}
