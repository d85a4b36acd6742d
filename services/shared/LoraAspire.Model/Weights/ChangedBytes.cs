using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>A change of some rows of a weight.</summary>
/// <param name="first">The place of the first of them in the weight.</param>
/// <param name="rows">[n, width], row after row.</param>
public delegate void RowChange(long first, Span<float> rows, int width);

/// <summary>
/// A weight's bytes in another type, or with its rows changed, or both: widened to float32 a few rows at a time, and rounded once.
/// </summary>
public sealed class ChangedBytes : TensorBytes
{
    /// <summary>Far above any model's; keeps what a damaged header says from becoming a buffer.</summary>
    private const int MostNumbers = 1 << 24;

    private readonly TensorBytes _from;
    private readonly ScalarType _fromType, _type;
    private readonly int _width;
    private readonly RowChange? _change;
    private float[] _wide = [];
    private byte[] _narrow = [];

    /// <param name="from">Disposed with this.</param>
    /// <param name="width">Numbers of a row; 1 where rows don't matter.</param>
    /// <exception cref="ModelException">A row is longer than any model's.</exception>
    public ChangedBytes(TensorBytes from, ScalarType fromType, ScalarType type, long width, RowChange? change)
        : base(from.Length / ElementTypes.Size(fromType) * ElementTypes.Size(type), Checked(width) * ElementTypes.Size(type)) =>
        (_from, _fromType, _type, _width, _change) = (from, fromType, type, (int)width, change);

    public override void Read(Span<byte> into, long at)
    {
        int size = ElementTypes.Size(_type), fromSize = ElementTypes.Size(_fromType);
        var (first, count) = (at / size, into.Length / size);
        var wide = Room(ref _wide, count);
        // The piece itself holds what is read, where that has its size.
        var bytes = fromSize == size ? into : Room(ref _narrow, count * fromSize);
        _from.Read(bytes, first * fromSize);
        TensorRows.Widen(_fromType, bytes, wide);
        _change?.Invoke(first / _width, wide, _width);
        TensorRows.Narrow(_type, wide, into);
    }

    public override void Dispose()
    {
        _from.Dispose();
        base.Dispose();
    }

    private static Span<T> Room<T>(ref T[] buffer, int count)
    {
        if (buffer.Length < count)
        {
            buffer = GC.AllocateUninitializedArray<T>(count);
        }
        return buffer.AsSpan(0, count);
    }

    private static int Checked(long width) => width <= MostNumbers ? (int)width
        : throw new ModelException($"A weight with rows of {width:N0} numbers can't be changed: {MostNumbers:N0} is the most.");
}
