using System.Buffers.Binary;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>Rows of float32 as the types of a GGUF file, rounded as llama.cpp's reference does.</summary>
internal static class BlockQuantizer
{
    private const int Block = GgmlTypes.Block;

    /// <summary>The largest float below ½: x + ½ would carry some x just below ½ over to 1.</summary>
    private const float AlmostHalf = 0.49999997f;

    public static void Encode(GgmlType type, ReadOnlySpan<float> row, Span<byte> into)
    {
        switch (type)
        {
            case GgmlType.F32: MemoryMarshal.AsBytes(row).CopyTo(into); break;
            case GgmlType.F16: TensorPrimitives.ConvertToHalf(row, MemoryMarshal.Cast<byte, Half>(into)); break;
            case GgmlType.BF16: TensorRows.Narrow(ScalarType.BFloat16, row, into); break;
            default: EncodeBlocks(type, row, into); break;
        }
    }

    private static void EncodeBlocks(GgmlType type, ReadOnlySpan<float> row, Span<byte> into)
    {
        var bytes = (int)type.RowBytes(Block);
        for (var at = 0; at < row.Length; at += Block)
        {
            var block = row.Slice(at, Block);
            var packed = into.Slice(at / Block * bytes, bytes);
            if (type == GgmlType.Q8)
            {
                Q8(block, packed);
            }
            else
            {
                Q4(block, packed);
            }
        }
    }

    /// <summary>d = largest magnitude / 127, q = x / d to the nearest, halves away from zero.</summary>
    private static void Q8(ReadOnlySpan<float> x, Span<byte> into)
    {
        var scale = Math.Abs(TensorPrimitives.MaxMagnitude(x)) / 127f;
        var inverse = scale == 0 ? 0 : 1 / scale;
        BinaryPrimitives.WriteHalfLittleEndian(into, (Half)scale);
        var (sign, half) = (Vector256.Create(-0f), Vector256.Create(AlmostHalf));
        for (var i = 0; i < Block; i += Vector256<float>.Count)
        {
            var scaled = Vector256.Create(x[i..]) * inverse;
            var rounded = Vector256.ConvertToInt32(scaled + (half | (scaled & sign)));
            for (var lane = 0; lane < Vector256<int>.Count; lane++)
            {
                into[2 + i + lane] = (byte)(sbyte)rounded[lane];
            }
        }
    }

    /// <summary>
    /// d = the number of the largest magnitude / −8, q = x / d + 8; number i of a block shares a byte with number i + 16.
    /// </summary>
    private static void Q4(ReadOnlySpan<float> x, Span<byte> into)
    {
        var largest = 0f;
        foreach (var value in x)
        {
            largest = Math.Abs(value) > Math.Abs(largest) ? value : largest;
        }
        var scale = largest / -8;
        var inverse = scale == 0 ? 0 : 1 / scale;
        BinaryPrimitives.WriteHalfLittleEndian(into, (Half)scale);
        for (var i = 0; i < Block / 2; i++)
        {
            into[2 + i] = (byte)(Nibble(x[i] * inverse) | (Nibble(x[i + (Block / 2)] * inverse) << 4));
        }
    }

    private static int Nibble(float scaled) => Math.Min(15, (int)(scaled + 8.5f));
}
