using System.Runtime.InteropServices;
using static LoraAspire.Model.Native.CudaProgram;

namespace LoraAspire.Model.Devices;

/// <summary>A stream of the GPU beside the default one, where libtorch works, and the order between the two.</summary>
internal sealed class SideStream : IDisposable
{
    private const uint NonBlocking = 1, NoTiming = 2; // CU_STREAM_NON_BLOCKING, CU_EVENT_DISABLE_TIMING
    private const nint Default = 0;

    private readonly nint _event;

    /// <summary>The calling thread has worked on the device by libtorch.</summary>
    public SideStream()
    {
        Check(cuStreamCreate(out var stream, NonBlocking), nameof(cuStreamCreate));
        Check(cuEventCreate(out _event, NoTiming), nameof(cuEventCreate));
        Stream = stream;
    }

    public nint Stream { get; }

    /// <summary>What it is given from now on waits for what the default stream was given so far.</summary>
    public void WaitForDefault() => Order(Default, Stream);

    /// <summary>What the default stream is given from now on waits for what this one was given so far.</summary>
    public void LetDefaultWait() => Order(Stream, Default);

    private void Order(nint before, nint after)
    {
        Check(cuEventRecord(_event, before), nameof(cuEventRecord));
        Check(cuStreamWaitEvent(after, _event, 0), nameof(cuStreamWaitEvent));
    }

    public void Dispose()
    {
        _ = cuEventDestroy_v2(_event);
        _ = cuStreamDestroy_v2(Stream);
    }

    private const string Driver = "libcuda.so.1";

    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuStreamCreate(out nint stream, uint flags);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuStreamDestroy_v2(nint stream);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuEventCreate(out nint created, uint flags);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuEventDestroy_v2(nint destroyed);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuEventRecord(nint recorded, nint stream);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuStreamWaitEvent(nint stream, nint awaited, uint flags);
}
