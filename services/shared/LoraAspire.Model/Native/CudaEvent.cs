using System.Runtime.InteropServices;
using static LoraAspire.Model.Native.CudaProgram;

namespace LoraAspire.Model.Native;

/// <summary>How far a stream has been given work: who waits for it, a thread or another stream, waits for nothing later.</summary>
internal sealed class CudaEvent : IDisposable
{
    /// <summary>The stream where libtorch works.</summary>
    public const nint DefaultStream = 0;

    private const uint Blocking = 1, NoTiming = 2; // CU_EVENT_BLOCKING_SYNC, CU_EVENT_DISABLE_TIMING

    private readonly nint _event;

    public CudaEvent()
    {
        CudaQueue.Enter();
        Check(cuEventCreate(out _event, Blocking | NoTiming), nameof(cuEventCreate));
    }

    /// <summary>Takes what the stream was given so far.</summary>
    public void Record(nint stream) => Check(cuEventRecord(_event, stream), nameof(cuEventRecord));

    /// <summary>On any thread.</summary>
    public void Wait()
    {
        CudaQueue.Enter();
        Check(cuEventSynchronize(_event), nameof(cuEventSynchronize));
    }

    /// <summary>What the stream is given from now on waits.</summary>
    public void HoldUp(nint stream) => Check(cuStreamWaitEvent(stream, _event, 0), nameof(cuStreamWaitEvent));

    public void Dispose() => _ = cuEventDestroy_v2(_event);

    private const string Driver = "libcuda.so.1";

    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuEventCreate(out nint created, uint flags);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuEventDestroy_v2(nint destroyed);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuEventRecord(nint recorded, nint stream);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuEventSynchronize(nint awaited);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuStreamWaitEvent(nint stream, nint awaited, uint flags);
}
