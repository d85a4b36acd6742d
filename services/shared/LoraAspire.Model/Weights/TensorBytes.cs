using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Weights;

/// <summary>The bytes of one tensor on their way into a file, a piece at a time, so that the tensor needn't be whole in memory.</summary>
/// <param name="unit">A piece has a whole number of so many bytes, as those of a row.</param>
public abstract class TensorBytes(long length, int unit = 1) : IDisposable
{
    public long Length { get; } = length;
    public int Unit { get; } = unit;

    /// <summary>Bytes [at, at + into.Length). Pieces are asked for in order.</summary>
    public abstract void Read(Span<byte> into, long at);

    public virtual void Dispose() => GC.SuppressFinalize(this);

    public static TensorBytes Of(FileRange range) => new Ranged(range);

    /// <summary>Of a contiguous tensor on the CPU, which is disposed with them.</summary>
    public static TensorBytes Of(Tensor tensor) => new Held(tensor);

    private sealed class Ranged(FileRange range) : TensorBytes(range.Length)
    {
        public override void Read(Span<byte> into, long at) => range.Read(into, at);
    }

    private sealed class Held(Tensor tensor) : TensorBytes(tensor.NumberOfElements * tensor.ElementSize)
    {
        public override unsafe void Read(Span<byte> into, long at) =>
            new ReadOnlySpan<byte>((byte*)Aten.Data(tensor) + at, into.Length).CopyTo(into);

        public override void Dispose()
        {
            tensor.Dispose();
            base.Dispose();
        }
    }
}
