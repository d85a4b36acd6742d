using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Native;

/// <summary>
/// Numbers on their way from the device to the host. To read them waits for the work that makes them; to read a tensor on a GPU would wait
/// for all that the GPU was given since as well, and it would stand still until it is given more.
/// </summary>
public sealed class LateFigures : IDisposable
{
    private readonly Tensor _host;
    private readonly CudaEvent? _arrival;

    /// <param name="scalars">Of one device; they need not be kept.</param>
    public LateFigures(IReadOnlyList<Tensor> scalars)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var together = cat([.. scalars.Select(scalar => scalar.reshape(1).to_type(float32))]);
        if (together.device_type != DeviceType.CUDA)
        {
            _host = together.DetachFromDisposeScope();
            return;
        }
        // Into pinned memory, which libtorch takes for it: a copy into other memory is waited for at once.
        _host = together.to(CPU, copy: true, non_blocking: true).DetachFromDisposeScope();
        _arrival = new CudaEvent();
        _arrival.Record(CudaEvent.DefaultStream);
    }

    public float[] Read()
    {
        _arrival?.Wait();
        return _host.Numbers().ToArray();
    }

    public void Dispose()
    {
        _host.Dispose();
        _arrival?.Dispose();
    }
}
