using System.Numerics.Tensors;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using LoraAspire.Model.Generation.Cpu.Matrices;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>The rows of one tensor as float32, a few at a time. Needs no libtorch. A vector is one row, or a column.</summary>
internal sealed class TensorRows
{
    private readonly StoredNumbers _numbers;

    /// <exception cref="ModelException">Of a type that is no number with a fraction, or not stored row after row.</exception>
    public TensorRows(TensorFile file, TensorEntry entry, bool asColumn = false)
    {
        if (!entry.IsFloating)
        {
            throw new ModelException(
                $"{file.Path}: tensor '{entry.Name}' is {entry.Dtype}; weights are float64, float32, float16 or bfloat16.");
        }
        var range = file.Range(entry.Name)
            ?? throw new ModelException($"{file.Path}: tensor '{entry.Name}' is stored transposed, as a view of another. Save the model as "
                + "safetensors first: the merger and the trainer write such.");
        (Name, _numbers) = (entry.Name, new(range, entry.Dtype, file.Path));
        (Rows, Columns) = entry.Shape switch
        {
            [var rows, var columns] => (rows, columns),
            [var length] => asColumn ? (length, 1) : (1, length),
            _ => throw new ModelException($"{file.Path}: tensor '{entry.Name}' has {entry.Shape.Count} dimensions, not one or two."),
        };
    }

    public string Name { get; }
    public long Rows { get; }
    public long Columns { get; }

    /// <summary>Rows [first, first + count) into the start of <paramref name="into"/>.</summary>
    /// <exception cref="ModelException">The file is shorter than it was.</exception>
    public void Read(long first, int count, float[] into) => Pieces.Run(checked((int)(count * Columns)), Pieces.Numbers,
        (at, numbers) => _numbers.Read((first * Columns) + at, into.AsSpan((int)at, numbers)));

    /// <summary>Numbers of a weight's type as float32.</summary>
    public static void Widen(ScalarType type, ReadOnlySpan<byte> from, Span<float> into)
    {
        switch (type)
        {
            case ScalarType.Float32: MemoryMarshal.Cast<byte, float>(from).CopyTo(into); break;
            case ScalarType.Float16: TensorPrimitives.ConvertToSingle(MemoryMarshal.Cast<byte, Half>(from), into); break;
            case ScalarType.Float64: TensorPrimitives.ConvertTruncating(MemoryMarshal.Cast<byte, double>(from), into); break;
            default: WidenBFloat16(MemoryMarshal.Cast<byte, ushort>(from), into); break;
        }
    }

    /// <summary>Float32 as numbers of a weight's type, each rounded to the nearest, ties to even.</summary>
    public static void Narrow(ScalarType type, ReadOnlySpan<float> from, Span<byte> into)
    {
        switch (type)
        {
            case ScalarType.Float32: from.CopyTo(MemoryMarshal.Cast<byte, float>(into)); break;
            case ScalarType.Float16: TensorPrimitives.ConvertToHalf(from, MemoryMarshal.Cast<byte, Half>(into)); break;
            case ScalarType.Float64: TensorPrimitives.ConvertTruncating(from, MemoryMarshal.Cast<byte, double>(into)); break;
            default: NarrowBFloat16(from, MemoryMarshal.Cast<byte, ushort>(into)); break;
        }
    }

    /// <summary>A bfloat16 is the upper half of a float32.</summary>
    private static void WidenBFloat16(ReadOnlySpan<ushort> from, Span<float> into)
    {
        var bits = MemoryMarshal.Cast<float, uint>(into);
        var i = 0;
        for (; i <= from.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            var (low, high) = Vector256.Widen(Vector256.Create(from[i..]));
            (low << 16).CopyTo(bits[i..]);
            (high << 16).CopyTo(bits[(i + Vector256<uint>.Count)..]);
        }
        for (; i < from.Length; i++)
        {
            bits[i] = (uint)from[i] << 16;
        }
    }

    /// <summary>As <see cref="Quantization.ToBFloat16"/>, which has the rest of a row.</summary>
    private static void NarrowBFloat16(ReadOnlySpan<float> from, Span<ushort> into)
    {
        var i = 0;
        for (; i <= from.Length - Vector256<ushort>.Count; i += Vector256<ushort>.Count)
        {
            Vector256.Narrow(Rounded(Vector256.Create(from[i..])), Rounded(Vector256.Create(from[(i + Vector256<float>.Count)..])))
                .CopyTo(into[i..]);
        }
        for (; i < from.Length; i++)
        {
            into[i] = Quantization.ToBFloat16(from[i]);
        }

        static Vector256<uint> Rounded(Vector256<float> values)
        {
            var bits = values.AsUInt32();
            var nearest = bits + Vector256.Create(0x7FFFu) + ((bits >> 16) & Vector256<uint>.One);
            // A NaN stays one, whichever of its bits are cut off.
            return Vector256.ConditionalSelect(Vector256.Equals(values, values).AsUInt32(), nearest >> 16,
                (bits >> 16) | Vector256.Create(64u));
        }
    }
}
