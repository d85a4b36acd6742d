using System.Runtime.InteropServices;
using static LoraAspire.Model.Native.CudaProgram;

namespace LoraAspire.Model.Native;

/// <summary>How far the GPU's default stream, where libtorch works, has been given work: to wait for it waits for nothing later.</summary>
internal sealed class CudaMark : IDisposable
{
    private const uint Blocking = 1, NoTiming = 2; // CU_EVENT_BLOCKING_SYNC, CU_EVENT_DISABLE_TIMING
    private const nint Default = 0;

    private readonly nint _event;

    /// <summary>The calling thread has worked on the device by libtorch.</summary>
    public CudaMark()
    {
        Check(cuEventCreate(out _event, Blocking | NoTiming), nameof(cuEventCreate));
        Check(cuEventRecord(_event, Default), nameof(cuEventRecord));
    }

    /// <summary>On any thread.</summary>
    public void Wait()
    {
        // A thread has the device's context once libtorch has worked on the device in it.
        TorchSharp.torch.empty([1], device: TorchSharp.torch.CUDA).Dispose();
        Check(cuEventSynchronize(_event), nameof(cuEventSynchronize));
    }

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
}
