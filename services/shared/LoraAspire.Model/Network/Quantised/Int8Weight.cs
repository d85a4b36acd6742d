using System.Numerics.Tensors;
using LoraAspire.Model.Native;
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

    /// <param name="weight">[rows, columns] float32, contiguous, on the CPU</param>
    public static Int8Weight Quantise(Tensor weight, string name)
    {
        var (rows, columns) = (weight.size(0), checked((int)weight.size(1)));
        var codes = empty([rows, columns], int8).DetachFromDisposeScope();
        var absmax = empty([rows]).DetachFromDisposeScope();
        var (from, to, scales) = (Aten.Data(weight), Aten.Data(codes), Aten.Data(absmax));
        Parallel.For(0, rows, row =>
        {
            ReadOnlySpan<float> values = new((float*)from + (row * columns), columns);
            var largest = Math.Abs(TensorPrimitives.MaxMagnitude(values));
            ((float*)scales)[row] = largest;
            var code = (sbyte*)to + (row * columns);
            var inverse = largest > 0 ? Most / largest : 0;
            for (var i = 0; i < columns; i++)
            {
                code[i] = (sbyte)MathF.Round(values[i] * inverse);
            }
        });
        UnfitScales.RequireFinite(absmax, name);
        return new Int8Weight(codes, absmax);
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
