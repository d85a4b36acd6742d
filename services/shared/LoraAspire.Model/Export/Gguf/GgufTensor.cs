using System.Numerics.Tensors;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>Fills the start of a buffer with rows [first, first + count) of a tensor.</summary>
internal delegate void RowReader(long first, int count, float[] into);

/// <summary>A tensor of a GGUF file, whose numbers are made while it is written.</summary>
/// <param name="RowGroup">Rows that must be read together.</param>
internal sealed record GgufTensor(string Name, GgmlType Type, IReadOnlyList<long> Shape, long Rows, long Columns, RowReader Read,
    int RowGroup = 1)
{
    /// <summary>Numbers in memory at a time.</summary>
    private const int Chunk = 1 << 22;

    private const float MostFloat16 = 65504;

    public long Bytes => Rows * Type.RowBytes(Columns);

    /// <summary>A vector whose numbers are known.</summary>
    public static GgufTensor Of(string name, float[] numbers) =>
        new(name, GgmlType.F32, [numbers.Length], 1, numbers.Length, (_, _, into) => numbers.CopyTo(into.AsSpan()));

    /// <exception cref="ModelException">A number is not finite, or too large for float16.</exception>
    public void Write(ExportFile file, CancellationToken cancellationToken)
    {
        var wanted = Math.Max(1, Chunk / Math.Max(1, Columns));
        var step = (int)Math.Min(Rows, (wanted + RowGroup - 1) / RowGroup * RowGroup);
        var numbers = new float[checked(step * Columns)];
        int columns = checked((int)Columns), rowBytes = checked((int)Type.RowBytes(Columns));
        for (long first = 0; first < Rows; first += step)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var count = (int)Math.Min(step, Rows - first);
            Read(first, count, numbers);
            var buffer = file.Next(checked(count * rowBytes));
            var (type, wide) = (Type, (Row: columns, Bytes: rowBytes));
            if (count == 1)
            {
                Encode(numbers, buffer, 0, wide, type);
            }
            else
            {
                Parallel.For(0, count, row => Encode(numbers, buffer, row, wide, type));
            }
            file.Write(buffer, count * rowBytes);
        }
    }

    private void Encode(float[] numbers, byte[] buffer, int row, (int Row, int Bytes) wide, GgmlType type)
    {
        var values = numbers.AsSpan(checked(row * wide.Row), wide.Row);
        RequireFits(values.IsEmpty ? 0 : TensorPrimitives.MaxMagnitude(values));
        BlockQuantizer.Encode(type, values, buffer.AsSpan(row * wide.Bytes, wide.Bytes));
    }

    private void RequireFits(float largest)
    {
        if (!float.IsFinite(largest))
        {
            throw new ModelException($"{Name} holds a number that is not finite: the model is damaged, and what it says would be too.");
        }
        if (Type == GgmlType.F16 && Math.Abs(largest) > MostFloat16)
        {
            throw new ModelException(FormattableString.Invariant(
                $"{Name} holds {largest}, beyond what float16 reaches ({MostFloat16}): export as bf16 or f32."));
        }
    }
}
