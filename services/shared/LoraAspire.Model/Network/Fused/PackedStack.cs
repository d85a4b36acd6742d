using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Quantised;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Memory for one stack's weights as numbers, of which every packed stack makes use in turn: as large as the largest of them.
/// </summary>
internal sealed class UnpackedWeights : IDisposable
{
    private long _size;
    private Tensor? _memory;

    /// <summary>Whose weights it holds; a layer that is computed again finds its own still there.</summary>
    public PackedStack? Holder { get; set; }

    public void Reserve(long numbers) => _size = Math.Max(_size, numbers);

    /// <summary>Its first numbers as [rows, columns]. After the last call of <see cref="Reserve"/>.</summary>
    public Tensor View(long rows, long columns, ScalarType dtype, torch.Device device)
    {
        _memory ??= empty([_size], dtype, device).DetachFromDisposeScope();
        using var numbers = _memory.narrow(0, 0, rows * columns);
        return numbers.view(rows, columns);
    }

    public void Dispose() => _memory?.Dispose();
}

/// <summary>In 4 or 8 bits, which become numbers whenever a product wants them. The layers' own weights stay where they are.</summary>
internal sealed class PackedStack : StackedWeight
{
    private readonly IReadOnlyList<PackedWeight> _parts;
    private readonly UnpackedWeights _memory;
    private readonly ScalarType _dtype;
    private readonly Tensor? _bias;
    private Tensor? _numbers; // [out, in]

    /// <param name="dtype">What is computed in.</param>
    public PackedStack(ScalarType dtype, IReadOnlyList<Linear> linears, Tensor? bias, UnpackedWeights memory)
    {
        (_dtype, _bias, _memory) = (dtype, bias, memory);
        _parts = [.. linears.Select(linear => linear.Quantised).OfType<PackedWeight>()];
        if (_parts.Count != linears.Count)
        {
            throw new ModelException($"{string.Join(" and ", linears.Select(linear => linear.Name))} are quantised in part: their products "
                + "are computed as one. Quantise the base whole.");
        }
        memory.Reserve(_parts.Sum(part => part.Rows) * _parts[0].Columns);
    }

    public override Form Input => Form.Plain;
    public override Form Gradient => Form.Plain;

    public override Tensor? Unbiased() => _bias is null ? Numbers() : null;

    public override Tensor Forward(Operand x)
    {
        using var transposed = Numbers().t();
        return _bias is null ? x.Wide!.mm(transposed) : addmm(_bias, x.Wide!, transposed, 1, 1);
    }

    public override Tensor Backward(Operand gradient) => gradient.Wide!.mm(Numbers());

    /// <summary>[out, in], until another stack's are asked for.</summary>
    private Tensor Numbers()
    {
        _numbers ??= _memory.View(_parts.Sum(part => part.Rows), _parts[0].Columns, _dtype, _parts[0].Device).DetachFromDisposeScope();
        if (_memory.Holder != this)
        {
            _memory.Holder = null; // while they are half written
            long row = 0;
            foreach (var part in _parts)
            {
                using var rows = _numbers.narrow(0, row, part.Rows);
                part.DequantiseInto(rows);
                row += part.Rows;
            }
            _memory.Holder = this;
        }
        return _numbers;
    }

    public override void Dispose() => TensorGroup.DisposeAll([_numbers, _bias]);
}
