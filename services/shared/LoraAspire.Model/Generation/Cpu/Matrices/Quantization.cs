using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace LoraAspire.Model.Generation.Cpu.Matrices;

/// <summary>Float32 to blocks of 32 whole numbers of 8 bits and a scale.</summary>
internal static unsafe class Quantization
{
    private const int Most = 127;

    public static float ToFloat(ushort bfloat16) => BitConverter.UInt32BitsToSingle((uint)bfloat16 << 16);

    /// <summary>Rounded to the nearest, ties to even; what is no number stays none.</summary>
    public static ushort ToBFloat16(float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        return float.IsNaN(value) ? (ushort)((bits >> 16) | 64) : (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>Weights of a row, plus 128. A scale is rounded up to bfloat16, and the weights are rounded to it as it then is.</summary>
    /// <param name="from">[inputs]</param>
    /// <param name="to">[Matrix.Padded(inputs)]</param>
    /// <param name="scales">[Blocks.Scales(…)]</param>
    public static void Weights(float* from, int inputs, byte* to, ushort* scales)
    {
        for (var block = 0; block * Blocks.Size < Matrix.Padded(inputs); block++)
        {
            var values = new ReadOnlySpan<float>(from + (block * Blocks.Size), Math.Min(Blocks.Size, inputs - (block * Blocks.Size)));
            var largest = 0f;
            foreach (var value in values)
            {
                largest = float.IsNaN(value) ? value : Math.Max(largest, Math.Abs(value));
            }
            var bits = (BitConverter.SingleToUInt32Bits(largest / Most) + 0xFFFF) >> 16;
            scales[block] = (ushort)bits;
            var inverse = largest > 0 ? 1 / ToFloat((ushort)bits) : 0;
            for (var i = 0; i < Blocks.Size; i++)
            {
                to[(block * Blocks.Size) + i] =
                    (byte)(128 + (i < values.Length ? (int)Math.Clamp(MathF.Round(values[i] * inverse), -Most, Most) : 0));
            }
        }
    }

    /// <summary>A row of activations, which has zeros behind its width up to a whole block.</summary>
    public static void Row(float* x, QuantizedRows rows, int row)
    {
        var values = (sbyte*)rows.Values + ((long)row * rows.K);
        var shifts = (int*)rows.Shifts + ((long)row * (rows.K / 4));
        var scales = (float*)rows.Scales + ((long)row * Blocks.Scales(rows.K));
        for (var at = 0; at < rows.K; at += Blocks.Size)
        {
            Vector256<float> a = Vector256.Load(x + at), b = Vector256.Load(x + at + 8), c = Vector256.Load(x + at + 16),
                d = Vector256.Load(x + at + 24);
            var most = Vector256.Max(Vector256.Max(Vector256.Abs(a), Vector256.Abs(b)), Vector256.Max(Vector256.Abs(c), Vector256.Abs(d)));
            var half = Vector128.Max(most.GetLower(), most.GetUpper());
            var largest = MathF.Max(MathF.Max(half[0], half[1]), MathF.Max(half[2], half[3]));
            scales[at / Blocks.Size] = largest / Most;
            var inverse = Vector256.Create(largest > 0 ? Most / largest : 0);
            var low = Vector256.Narrow(Whole(a * inverse), Whole(b * inverse));
            var high = Vector256.Narrow(Whole(c * inverse), Whole(d * inverse));
            var bytes = Vector256.Narrow(low, high);
            bytes.Store(values + at);
            Shift(bytes, values + at).Store(shifts + (at / 4));
        }
    }

    private static Vector256<int> Whole(Vector256<float> x) => Vector256.ConvertToInt32(Vector256.Round(x));

    private static Vector256<int> Shift(Vector256<sbyte> x, sbyte* at)
    {
        if (Avx2.IsSupported)
        {
            return Avx2.MultiplyAddAdjacent(Avx2.MultiplyAddAdjacent(Vector256<byte>.One, x), Vector256.Create((short)-128));
        }
        var sums = stackalloc int[8];
        for (var i = 0; i < 8; i++)
        {
            sums[i] = -128 * (at[4 * i] + at[(4 * i) + 1] + at[(4 * i) + 2] + at[(4 * i) + 3]);
        }
        return Vector256.Load(sums);
    }
}
