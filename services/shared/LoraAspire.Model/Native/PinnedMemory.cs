using System.Runtime.InteropServices;

namespace LoraAspire.Model.Native;

/// <summary>Host memory that the device copies from and to by itself.</summary>
internal sealed unsafe class PinnedMemory : IDisposable
{
    private const uint Portable = 1; // for every thread's context

    public PinnedMemory(long bytes)
    {
        CudaProgram.Check(cuMemHostAlloc(out var address, (nuint)bytes, Portable), nameof(cuMemHostAlloc));
        (Address, Bytes) = (address, bytes);
    }

    public nint Address { get; private set; }

    public long Bytes { get; }

    public Span<T> As<T>() where T : unmanaged => new((void*)Address, (int)(Bytes / sizeof(T)));

    public void Dispose()
    {
        if (Address != 0)
        {
            _ = cuMemFreeHost(Address);
            Address = 0;
        }
    }

    [DllImport("libcuda.so.1"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuMemHostAlloc(out nint address, nuint bytes, uint flags);

    [DllImport("libcuda.so.1"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuMemFreeHost(nint address);
}
