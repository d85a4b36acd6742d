using System.Buffers;
using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>Numbers that lie one after another in an open file, and become those of another type while they are read.</summary>
/// <param name="Type">Of weight files; of another than a floating-point type they are read as they are.</param>
/// <param name="Path">The file's, for people.</param>
internal readonly record struct StoredNumbers(FileRange Range, ScalarType Type, string Path)
{
    public long Count => Range.Length / ElementTypes.Size(Type);

    /// <summary>Numbers from the <paramref name="first"/>th on as float32. On any thread.</summary>
    /// <exception cref="ModelException">The file is shorter than it was.</exception>
    public void Read(long first, Span<float> to) => Read(first, ScalarType.Float32, MemoryMarshal.AsBytes(to));

    /// <summary>As many numbers as there is room for, from the <paramref name="first"/>th on. On any thread.</summary>
    /// <param name="type">What they become, rounded to the nearest.</param>
    /// <exception cref="ModelException">The file is shorter than it was.</exception>
    public void Read(long first, ScalarType type, Span<byte> to)
    {
        int size = ElementTypes.Size(Type), wanted = ElementTypes.Size(type), count = to.Length / wanted;
        if (type == Type)
        {
            Bytes(to, first * size);
            return;
        }
        var bytes = ArrayPool<byte>.Shared.Rent(Math.Min(count, Pieces.Numbers) * size);
        var floats = type == ScalarType.Float32 ? null : ArrayPool<float>.Shared.Rent(Math.Min(count, Pieces.Numbers));
        try
        {
            for (var done = 0; done < count; done += Pieces.Numbers)
            {
                var part = Math.Min(Pieces.Numbers, count - done);
                var stored = bytes.AsSpan(0, part * size);
                var there = to.Slice(done * wanted, part * wanted);
                Bytes(stored, (first + done) * size);
                var wide = floats is null ? MemoryMarshal.Cast<byte, float>(there) : floats.AsSpan(0, part);
                TensorRows.Widen(Type, stored, wide);
                if (floats is not null)
                {
                    TensorRows.Narrow(type, wide, there);
                }
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(bytes);
            if (floats is not null)
            {
                ArrayPool<float>.Shared.Return(floats);
            }
        }
    }

    /// <summary>All of them, by every core.</summary>
    /// <param name="to">In memory of the host.</param>
    public unsafe void Fill(nint to, ScalarType type)
    {
        var (all, size) = (this, ElementTypes.Size(type));
        Pieces.Run(Count, Pieces.Numbers, (first, count) => all.Read(first, type, new((byte*)to + (first * size), count * size)));
    }

    private void Bytes(Span<byte> to, long at)
    {
        try
        {
            Range.Read(to, at);
        }
        catch (EndOfStreamException error)
        {
            throw new ModelException($"{Path} became shorter while it was read.", error);
        }
    }
}
