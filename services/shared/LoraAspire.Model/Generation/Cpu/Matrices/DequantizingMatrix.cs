using LoraAspire.Model.Generation.Cpu.Vectors;
using LoraAspire.Model.Network.Quantised;

namespace LoraAspire.Model.Generation.Cpu.Matrices;

/// <summary>
/// Weights in 4 or 8 bits as bitsandbytes has them: a few outputs' become float32 in the second cache, where the product of numbers takes
/// them up. A row's result is the one that a matrix of the dequantised numbers gives.
/// </summary>
internal sealed unsafe class DequantizingMatrix<TLanes, TVector>(PackedWeight weights, IDisposable? owner)
    : Matrix(checked((int)weights.Rows), checked((int)weights.Columns), owner) where TLanes : ILanes<TVector> where TVector : struct
{
    private const int AtOnce = 8;

    [ThreadStatic]
    private static float[]? t_numbers;

    private readonly int _k = NumberRows.Width(checked((int)weights.Columns));

    public override void Multiply(RowBuffer x, int first, int count, int from, int to, Target target)
    {
        var needed = AtOnce * _k;
        var numbers = t_numbers?.Length >= needed ? t_numbers : t_numbers = GC.AllocateUninitializedArray<float>(needed);
        fixed (float* rows = numbers)
        {
            for (var output = from; output < to; output += AtOnce)
            {
                var outputs = Math.Min(AtOnce, to - output);
                for (var i = 0; i < outputs; i++)
                {
                    Read(output + i, rows + (i * _k));
                    new Span<float>(rows + (i * _k) + Inputs, _k - Inputs).Clear();
                }
                Product<TLanes, TVector, Float32Weights<TLanes, TVector>>.Run(x.Row(first), x.Stride, count, (byte*)rows, _k, 0, outputs,
                    target.From(first).At(output));
            }
        }
    }

    public override void Read(int output, float* to) => weights.Read((long)output * Inputs, new Span<float>(to, Inputs));
}
