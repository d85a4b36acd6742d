using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using LoraAspire.Model.Native;
using LoraAspire.Model.Weights;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>w = code · absmax / 127, absmax the largest of its row: bitsandbytes' weights of 8 bits.</summary>
internal sealed unsafe record Int8Weight : PackedWeight
{
    private const float Most = 127;

    private readonly Tensor _codes;  // [rows, columns] int8
    private readonly Tensor _absmax; // [rows] float32

    /// <param name="codes">[rows, columns] int8, taken over as <paramref name="absmax"/> is.</param>
    /// <param name="absmax">[rows] float32, finite</param>
    public Int8Weight(Tensor codes, Tensor absmax) : base(codes.size(0), codes.size(1), codes.device) =>
        (_codes, _absmax) = (codes, absmax);

    public override BaseFormat Format => BaseFormat.Int8;

    public override Tensor Codes => _codes;

    public override QuantisedWeight With(Tensor codes) => new Int8Weight(codes, _absmax.alias().DetachFromDisposeScope());

    protected override IEnumerable<Tensor> Tensors => [_codes, _absmax];

    /// <param name="shape">[rows, columns]</param>
    public static Int8Weight Quantise(ReadNumbers read, long[] shape, string name)
    {
        var (rows, columns) = (shape[0], checked((int)shape[1]));
        var codes = empty([rows, columns], int8).DetachFromDisposeScope();
        var absmax = empty([rows]).DetachFromDisposeScope();
        var (to, scales) = (Aten.Data(codes), Aten.Data(absmax));
        Pieces.Run(rows, Math.Max(1, Pieces.Numbers / Math.Max(1, columns)), (first, count) =>
        {
            var numbers = ArrayPool<float>.Shared.Rent(count * columns);
            read(first * columns, numbers.AsSpan(0, count * columns));
            for (var row = 0; row < count; row++)
            {
                ((float*)scales)[first + row] =
                    Encode(numbers.AsSpan(row * columns, columns), new((sbyte*)to + ((first + row) * columns), columns));
            }
            ArrayPool<float>.Shared.Return(numbers);
        });
        UnfitScales.RequireFinite(absmax, name);
        return new Int8Weight(codes, absmax);
    }

    /// <summary>The codes of a row, and the largest magnitude in it.</summary>
    private static float Encode(ReadOnlySpan<float> values, Span<sbyte> to)
    {
        var largest = Math.Abs(TensorPrimitives.MaxMagnitude(values));
        var inverse = largest > 0 ? Most / largest : 0;
        var i = 0;
        for (; i + Vector256<sbyte>.Count <= values.Length; i += Vector256<sbyte>.Count)
        {
            Vector256.Narrow(Vector256.Narrow(Code(values[i..]), Code(values[(i + 8)..])),
                Vector256.Narrow(Code(values[(i + 16)..]), Code(values[(i + 24)..]))).CopyTo(to[i..]);
        }
        for (; i < values.Length; i++)
        {
            to[i] = (sbyte)MathF.Round(values[i] * inverse);
        }
        return largest;

        Vector256<int> Code(ReadOnlySpan<float> from) => Vector256.ConvertToInt32(Vector256.Round(Vector256.Create(from) * inverse));
    }

    public override void Read(long start, Span<float> to)
    {
        var codes = (sbyte*)Aten.Data(_codes) + start;
        for (var done = 0; done < to.Length;)
        {
            var row = (start + done) / Columns;
            var part = (int)Math.Min(to.Length - done, ((row + 1) * Columns) - start - done);
            var values = to.Slice(done, part);
            TensorPrimitives.ConvertTruncating(new ReadOnlySpan<sbyte>(codes + done, part), values);
            TensorPrimitives.Multiply(values, ((float*)Aten.Data(_absmax))[row] / Most, values);
            done += part;
        }
    }

    public override PackedWeight MovedTo(torch.Device device) => new Int8Weight(Moved(_codes, device), Moved(_absmax, device));

    protected override void DequantizeOnGpu(Tensor into) =>
        PackedKernels.Int8(into, (ulong)Aten.Data(_codes), (ulong)Aten.Data(_absmax), Columns);
}
