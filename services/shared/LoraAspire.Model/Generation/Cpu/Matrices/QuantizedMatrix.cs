namespace LoraAspire.Model.Generation.Cpu.Matrices;

/// <summary>Q8_0: rows of whole numbers plus 128, filled up to whole blocks, and their scales apart.</summary>
internal sealed unsafe class QuantizedMatrix<TProduct>(nint weights, nint scales, int outputs, int inputs, IDisposable owner)
    : Matrix(outputs, inputs, owner) where TProduct : IByteProduct
{
    private readonly int _k = Padded(inputs);

    public override void Multiply(RowBuffer x, int first, int count, int from, int to, Target target) =>
        QuantizedProduct<TProduct>.Run(x.Quantized, first, count, (byte*)weights, (ushort*)scales, from, to, target.From(first));

    public override void Read(int output, float* to)
    {
        var row = (byte*)weights + ((long)output * _k);
        var scale = (ushort*)scales + ((long)output * Blocks.Scales(_k));
        for (var i = 0; i < Inputs; i++)
        {
            to[i] = (row[i] - 128) * Quantization.ToFloat(scale[i / Blocks.Size]);
        }
    }
}
