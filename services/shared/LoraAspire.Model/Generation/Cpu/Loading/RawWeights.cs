using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Cpu.Loading;

/// <summary>Numbers somewhere in memory, row after row, of float32, bfloat16 or float16.</summary>
/// <param name="Owner">What keeps them there; null where somebody else does.</param>
internal sealed unsafe record RawWeights(nint Address, ScalarType Type, IDisposable? Owner) : IDisposable
{
    private const int CacheLine = 64;

    /// <summary>Weights that aren't numbers one by one, in place of those at the address; null elsewhere.</summary>
    public PackedWeight? Packed { get; private init; }

    /// <param name="owned">They go when these weights do.</param>
    public static RawWeights Of(PackedWeight weights, bool owned) => new(0, ScalarType.Byte, owned ? weights : null) { Packed = weights };

    /// <summary>They can be computed with where they lie.</summary>
    public bool IsUsable(ScalarType type, int inputs) => Type == type && Address % CacheLine == 0 && NumberRows.Width(inputs) == inputs;

    /// <summary>Numbers from the <paramref name="start"/>th on as float32.</summary>
    public void Read(long start, Span<float> to)
    {
        var size = ElementTypes.Size(Type);
        TensorRows.Widen(Type, new((byte*)Address + (start * size), checked(to.Length * size)), to);
    }

    public void Dispose() => Owner?.Dispose();
}
