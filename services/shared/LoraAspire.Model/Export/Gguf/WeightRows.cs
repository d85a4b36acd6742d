using System.Numerics.Tensors;
using LoraAspire.Model.Weights;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>A weight's rows as a GGUF file has them.</summary>
internal static class WeightRows
{
    /// <summary>A head's rows are read together.</summary>
    private const long MostInHead = 1 << 27;

    /// <summary>The type that a tensor gets in a file of <paramref name="wanted"/>; vectors are few and keep all their bits.</summary>
    public static GgmlType TypeOf(NamedTensor tensor, GgmlType wanted) =>
        tensor.Shape.Count == 1 ? GgmlType.F32
        : wanted.IsQuantized() && tensor.Shape[1] % GgmlTypes.Block != 0 ? GgmlType.F16
        : wanted == GgmlType.Q4 && tensor.IsHead ? GgmlType.Q8
        : wanted;

    /// <exception cref="ModelException">No such tensor, or not of the shape that config.json gives it.</exception>
    public static GgufTensor Of(NamedTensor tensor, WeightFiles weights, GgmlType wanted)
    {
        var (file, entry) = weights.Find(tensor.Name, tensor.Shape);
        return Of(tensor, tensor.Gguf, new(file, entry, asColumn: tensor.HeadRows > 0), tensor.Shape, TypeOf(tensor, wanted), tensor.Scale);
    }

    public static GgufTensor Of(NamedTensor tensor, string name, TensorRows rows, IReadOnlyList<long> shape, GgmlType type, float scale)
    {
        if (tensor.HeadRows * rows.Columns > MostInHead)
        {
            throw new ModelException($"{rows.Name} has heads of {tensor.HeadRows} rows by {rows.Columns}: they are too large.");
        }
        return new(name, type, shape, rows.Rows, rows.Columns, Read, Math.Max(1, tensor.HeadRows));

        void Read(long first, int count, float[] into)
        {
            rows.Read(first, count, into);
            var read = into.AsSpan(0, checked((int)(count * rows.Columns)));
            if (tensor.HeadRows > 0)
            {
                Shuffle(read, tensor.HeadRows, (int)rows.Columns);
            }
            if (scale != 1)
            {
                TensorPrimitives.Multiply(read, scale, read);
            }
            if (tensor.Offset != 0)
            {
                TensorPrimitives.Add(read, tensor.Offset, read);
            }
        }
    }

    /// <summary>Of each head: rows 0, half, 1, half + 1, …</summary>
    private static void Shuffle(Span<float> rows, int headRows, int columns)
    {
        var head = new float[headRows * columns];
        for (var start = 0; start < rows.Length; start += head.Length)
        {
            var own = rows.Slice(start, head.Length);
            own.CopyTo(head);
            for (var row = 0; row < headRows; row++)
            {
                var source = (row / 2) + (row % 2 * (headRows / 2));
                head.AsSpan(source * columns, columns).CopyTo(own[(row * columns)..]);
            }
        }
    }
}
