using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>A frozen weight [rows, columns] in 8 or 4 bits. Each product dequantises it: into a buffer, or a few rows at a time.</summary>
internal abstract record PackedWeight(long Rows, long Columns, torch.Device Device) : QuantisedWeight(Rows, Columns, Device)
{
    /// <summary>What it takes in memory.</summary>
    public long Bytes => Tensors.Sum(part => part.numel() * part.element_size());

    protected abstract IEnumerable<Tensor> Tensors { get; }

    protected override IEnumerable<IDisposable?> Parts => Tensors;

    /// <param name="into">[rows, columns], contiguous, of any type, on this weight's device: the numbers are written over it.</param>
    public void DequantiseInto(Tensor into)
    {
        if (Device.type == DeviceType.CUDA)
        {
            DequantizeOnGpu(into);
        }
        else if (into.dtype == float32)
        {
            OnCpu(into);
        }
        else
        {
            using var wide = empty([Rows, Columns]);
            OnCpu(wide);
            into.copy_(wide);
        }
    }

    public override Tensor Dequantise(ScalarType dtype)
    {
        var result = empty([Rows, Columns], dtype, Device);
        DequantiseInto(result);
        return result;
    }

    /// <summary>Numbers from the <paramref name="start"/>th on, row after row. Only on the CPU; safe from several threads.</summary>
    public abstract void Read(long start, Span<float> to);

    /// <summary>A copy on another device; this one is disposed. The same where it is there already.</summary>
    public abstract PackedWeight MovedTo(torch.Device device);

    protected abstract void DequantizeOnGpu(Tensor into);

    /// <summary>A part where it is wanted; the one given is disposed when that is elsewhere.</summary>
    protected static Tensor Moved(Tensor part, torch.Device device)
    {
        var moved = part.to(device).DetachFromDisposeScope();
        if (!ReferenceEquals(moved, part))
        {
            part.Dispose();
        }
        return moved;
    }

    private unsafe void OnCpu(Tensor into)
    {
        var to = (float*)Aten.Data(into);
        var columns = checked((int)Columns);
        Parallel.For(0, Rows, row => Read(row * columns, new Span<float>(to + (row * columns), columns)));
    }
}
