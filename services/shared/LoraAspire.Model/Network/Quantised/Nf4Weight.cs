using System.Buffers;
using System.Numerics.Tensors;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using LoraAspire.Model.Native;
using LoraAspire.Model.Weights;
using TorchSharp;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>w = <see cref="Nf4Table.Values"/>[code] · absmax of its block. Two codes a byte, the first in the upper half.</summary>
internal sealed unsafe record Nf4Weight : PackedWeight
{
    private readonly Tensor _codes; // [⌈rows·columns / 2⌉] uint8
    private readonly Nf4Scales _scales;

    /// <param name="codes">[⌈rows·columns / 2⌉] uint8, taken over as <paramref name="scales"/> are.</param>
    public Nf4Weight(long rows, long columns, Tensor codes, Nf4Scales scales) : base(rows, columns, codes.device) =>
        (_codes, _scales) = (codes, scales);

    public override BaseFormat Format => BaseFormat.Nf4;

    public override Tensor Codes => _codes;

    public override QuantisedWeight With(Tensor codes) =>
        new Nf4Weight(Rows, Columns, codes, _scales.With(part => part.alias().DetachFromDisposeScope()));

    protected override IEnumerable<Tensor> Tensors => [_codes, .. _scales.Parts];

    /// <param name="shape">[rows, columns]</param>
    public static Nf4Weight Quantise(ReadNumbers read, long[] shape, bool twice, string name)
    {
        var count = shape[0] * shape[1];
        var codes = empty([(count + 1) / 2], uint8).DetachFromDisposeScope();
        var absmax = new float[Nf4Scales.Blocks(count)];
        var to = Aten.Data(codes);
        Pieces.Run(count, Pieces.Numbers, (first, length) =>
        {
            var numbers = ArrayPool<float>.Shared.Rent(length);
            read(first, numbers.AsSpan(0, length));
            for (var start = 0; start < length; start += Nf4Table.Block)
            {
                absmax[(first + start) / Nf4Table.Block] = Encode(
                    numbers.AsSpan(start, Math.Min(Nf4Table.Block, length - start)), (byte*)to + ((first + start) / 2));
            }
            ArrayPool<float>.Shared.Return(numbers);
        });
        return new Nf4Weight(shape[0], shape[1], codes, Nf4Scales.Of(absmax, twice, name));
    }

    public override void Read(long start, Span<float> to)
    {
        var codes = (byte*)Aten.Data(_codes);
        fixed (float* numbers = to)
        {
            for (var done = 0; done < to.Length;)
            {
                var at = start + done;
                var block = at / Nf4Table.Block;
                var part = (int)Math.Min(to.Length - done, ((block + 1) * Nf4Table.Block) - at);
                Decode(codes, at, part, _scales.At(block), numbers + done);
                done += part;
            }
        }
    }

    public override PackedWeight MovedTo(torch.Device device) =>
        new Nf4Weight(Rows, Columns, Moved(_codes, device), _scales.With(part => Moved(part, device)));

    protected override void DequantizeOnGpu(Tensor into) => PackedKernels.Nf4(into, (ulong)Aten.Data(_codes), _scales);

    /// <summary>The codes of a block, and the largest magnitude in it.</summary>
    private static float Encode(ReadOnlySpan<float> values, byte* to)
    {
        var absmax = Math.Abs(TensorPrimitives.MaxMagnitude(values));
        var inverse = absmax > 0 ? 1 / absmax : 0; // multiplied, not divided, as bitsandbytes does: a last bit may decide between two
        var codes = stackalloc int[Nf4Table.Block];
        var i = 0;
        var midpoints = Nf4Table.Midpoints;
        for (; i + Vector256<float>.Count <= values.Length; i += Vector256<float>.Count)
        {
            var x = Vector256.Create(values[i..]) * inverse;
            var code = Vector256<int>.Zero;
            foreach (var midpoint in midpoints)
            {
                code -= Vector256.GreaterThan(x, Vector256.Create(midpoint)).AsInt32(); // true is −1
            }
            code.Store(codes + i);
        }
        for (; i < values.Length; i++)
        {
            codes[i] = Nf4Table.Nearest(values[i] * inverse);
        }
        for (i = 0; i + 1 < values.Length; i += 2)
        {
            to[i / 2] = (byte)((codes[i] << 4) | codes[i + 1]);
        }
        if (i < values.Length)
        {
            to[i / 2] = (byte)(codes[i] << 4);
        }
        return absmax;
    }

    /// <summary>Numbers of one block.</summary>
    private static void Decode(byte* codes, long start, int count, float absmax, float* to)
    {
        var i = 0;
        if (Avx2.IsSupported && start % 2 == 0)
        {
            var values = Nf4Table.Values;
            Vector256<float> low = Vector256.Create(values), high = Vector256.Create(values[8..]), scale = Vector256.Create(absmax);
            for (; i + 16 <= count; i += 16)
            {
                var bytes = Vector128.CreateScalar(*(ulong*)(codes + ((start + i) / 2))).AsByte();
                var nibbles = Sse2.UnpackLow((bytes.AsUInt16() >> 4).AsByte() & Vector128.Create((byte)15),
                    bytes & Vector128.Create((byte)15));
                (Lookup(Avx2.ConvertToVector256Int32(nibbles), low, high) * scale).Store(to + i);
                (Lookup(Avx2.ConvertToVector256Int32(Sse2.ShiftRightLogical128BitLane(nibbles, 8)), low, high) * scale).Store(to + i + 8);
            }
        }
        for (; i < count; i++)
        {
            var at = start + i;
            to[i] = Nf4Table.Values[at % 2 == 0 ? codes[at / 2] >> 4 : codes[at / 2] & 15] * absmax;
        }
    }

    /// <summary>A permutation looks at three bits of an index; the fourth chooses between the halves of the table.</summary>
    private static Vector256<float> Lookup(Vector256<int> codes, Vector256<float> low, Vector256<float> high) =>
        Avx.BlendVariable(Avx2.PermuteVar8x32(low, codes), Avx2.PermuteVar8x32(high, codes), (codes << 28).AsSingle());
}
