using LoraAspire.Model.Generation.Cpu.Matrices;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Cpu.Loading;

/// <summary>Numbers somewhere in memory, row after row, of float32, bfloat16 or float16.</summary>
/// <param name="Owner">What keeps them there; null where somebody else does.</param>
internal sealed unsafe record RawWeights(nint Address, ScalarType Type, IDisposable? Owner) : IDisposable
{
    private const int CacheLine = 64;

    /// <summary>They can be computed with where they lie.</summary>
    public bool IsUsable(ScalarType type, int inputs) => Type == type && Address % CacheLine == 0 && NumberRows.Width(inputs) == inputs;

    /// <summary>Numbers from the <paramref name="start"/>th on as float32.</summary>
    public void Read(long start, Span<float> to)
    {
        switch (Type)
        {
            case ScalarType.Float32:
                new ReadOnlySpan<float>((float*)Address + start, to.Length).CopyTo(to);
                break;
            case ScalarType.BFloat16:
                for (var i = 0; i < to.Length; i++)
                {
                    to[i] = Quantization.ToFloat(((ushort*)Address)[start + i]);
                }
                break;
            default:
                for (var i = 0; i < to.Length; i++)
                {
                    to[i] = (float)((Half*)Address)[start + i];
                }
                break;
        }
    }

    public void Dispose() => Owner?.Dispose();
}
