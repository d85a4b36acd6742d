namespace LoraAspire.Model.Generation.Cpu.Matrices;

/// <summary>Rows of float32, a few more columns of zeros behind each; where weights are Q8_0 the same rows quantised.</summary>
internal sealed unsafe class RowBuffer : IDisposable
{
    private readonly NativeBuffer _values;
    private readonly NativeBuffer? _quantized;

    public RowBuffer(int rows, int width, bool quantized = false)
    {
        Width = width;
        Stride = Matrix.Padded(width);
        _values = new NativeBuffer((long)rows * Stride * sizeof(float));
        if (quantized)
        {
            long values = (long)rows * Stride, scales = (long)rows * Blocks.Scales(Stride) * sizeof(float);
            _quantized = new NativeBuffer((2 * values) + scales + Matrix.Step);
            var start = _quantized.Address;
            Quantized = new QuantizedRows(start, start + (nint)values, start + (nint)(2 * values), Stride);
        }
    }

    public int Width { get; }

    /// <summary>Floats from one row to the next.</summary>
    public int Stride { get; }

    public QuantizedRows Quantized { get; }

    public float* Row(int row) => (float*)_values.Address + ((long)row * Stride);

    public Span<float> Span(int row) => new(Row(row), Width);

    public Target Target => new(_values.Address, Stride);

    /// <summary>Makes the quantised row of the other, where there are such.</summary>
    public void Quantize(int row)
    {
        if (_quantized is not null)
        {
            Quantization.Row(Row(row), Quantized, row);
        }
    }

    public bool IsQuantized => _quantized is not null;

    public void Dispose()
    {
        _values.Dispose();
        _quantized?.Dispose();
    }
}
