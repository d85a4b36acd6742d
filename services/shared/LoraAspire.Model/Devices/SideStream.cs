using LoraAspire.Model.Native;

namespace LoraAspire.Model.Devices;

/// <summary>A stream of the GPU beside the default one, where libtorch works, and the order between the two.</summary>
internal sealed class SideStream : IDisposable
{
    private readonly CudaQueue _queue = new();
    private readonly CudaEvent _event = new();

    public nint Stream => _queue.Stream;

    /// <summary>What it is given from now on waits for what the default stream was given so far.</summary>
    public void WaitForDefault() => Order(CudaEvent.DefaultStream, Stream);

    /// <summary>What the default stream is given from now on waits for what this one was given so far.</summary>
    public void LetDefaultWait() => Order(Stream, CudaEvent.DefaultStream);

    private void Order(nint before, nint after)
    {
        _event.Record(before);
        _event.HoldUp(after);
    }

    public void Dispose()
    {
        _event.Dispose();
        _queue.Dispose();
    }
}
