using System.Runtime.CompilerServices;

namespace LoraAspire.Model.Generation.Cpu.Vectors;

/// <summary>How weights that are numbers one by one lie in memory.</summary>
internal unsafe interface IWeights<TVector> where TVector : struct
{
    /// <summary>Bytes of one.</summary>
    static abstract int Size { get; }

    /// <summary>A vector of them from the <paramref name="k"/>th of a row on.</summary>
    static abstract TVector Load(byte* row, int k);
}

internal readonly unsafe struct Float32Weights<TLanes, TVector> : IWeights<TVector> where TLanes : ILanes<TVector> where TVector : struct
{
    public static int Size => sizeof(float);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load(byte* row, int k) => TLanes.Load((float*)row + k);
}

internal readonly unsafe struct BFloat16Weights<TLanes, TVector> : IWeights<TVector> where TLanes : ILanes<TVector> where TVector : struct
{
    public static int Size => sizeof(ushort);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TVector Load(byte* row, int k) => TLanes.LoadBFloat16((ushort*)row + k);
}
