using LoraAspire.Model.Generation.Cpu.Vectors;

namespace LoraAspire.Model.Generation.Cpu.Matrices;

/// <summary>Float32 or bfloat16, row after row. The inputs are a multiple of 16, or the rows are filled up with zeros to one.</summary>
internal sealed unsafe class NumberMatrix<TLanes, TVector, TWeights>(nint weights, int outputs, int inputs, IDisposable? owner)
    : Matrix(outputs, inputs, owner)
    where TLanes : ILanes<TVector> where TVector : struct where TWeights : IWeights<TVector>
{
    private readonly int _k = NumberRows.Width(inputs);

    public override void Multiply(RowBuffer x, int first, int count, int from, int to, Target target) =>
        Product<TLanes, TVector, TWeights>.Run(x.Row(first), x.Stride, count, (byte*)weights, _k, from, to, target.From(first));

    public override void Read(int output, float* to)
    {
        var row = (byte*)weights + ((long)output * _k * TWeights.Size);
        var vector = stackalloc float[16];
        for (var i = 0; i < Inputs; i += TLanes.Count)
        {
            TLanes.Store(TWeights.Load(row, i), vector);
            var count = Math.Min(TLanes.Count, Inputs - i);
            new ReadOnlySpan<float>(vector, count).CopyTo(new Span<float>(to + i, count));
        }
    }
}

internal static class NumberRows
{
    /// <summary>Numbers from one row to the next.</summary>
    public static int Width(int inputs) => (inputs + 15) & ~15;
}
