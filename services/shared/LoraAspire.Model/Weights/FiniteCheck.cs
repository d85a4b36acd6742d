using System.Numerics;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>Finds NaN and infinity among the bytes of floating-point numbers: those whose exponent has all its bits.</summary>
public sealed class FiniteCheck(ScalarType type)
{
    /// <param name="at">Bytes of the tensor before these.</param>
    /// <exception cref="ModelException">A value isn't finite; the message names the tensor and the value's place.</exception>
    internal void Require(string name, ReadOnlySpan<byte> bytes, long at)
    {
        var (first, size) = type switch
        {
            ScalarType.BFloat16 => (First<ushort>(bytes, 0x7F80), sizeof(ushort)),
            ScalarType.Float16 => (First<ushort>(bytes, 0x7C00), sizeof(ushort)),
            ScalarType.Float32 => (First<uint>(bytes, 0x7F80_0000), sizeof(uint)),
            ScalarType.Float64 => (First<ulong>(bytes, 0x7FF0_0000_0000_0000), sizeof(ulong)),
            _ => (-1, 1),
        };
        if (first >= 0)
        {
            throw new ModelException($"{name} holds a value that is not a finite number (the {(at / size) + first + 1:N0}th of the "
                + "tensor): the weights are damaged, or the training that made the adapter diverged.");
        }
    }

    private static int First<T>(ReadOnlySpan<byte> bytes, T exponent) where T : unmanaged, IBinaryInteger<T>
    {
        var values = MemoryMarshal.Cast<byte, T>(bytes);
        var (i, ones) = (0, new Vector<T>(exponent));
        for (; i <= values.Length - Vector<T>.Count && !Vector.EqualsAny(new Vector<T>(values[i..]) & ones, ones); i += Vector<T>.Count)
        {
        }
        for (; i < values.Length; i++)
        {
            if ((values[i] & exponent) == exponent)
            {
                return i;
            }
        }
        return -1;
    }
}
