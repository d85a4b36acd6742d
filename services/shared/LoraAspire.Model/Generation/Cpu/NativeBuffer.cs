using System.Runtime.InteropServices;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>
/// Memory that the collector doesn't move, aligned to a cache line; large pieces to pages of 2 MiB where the system has them.
/// </summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const int CacheLine = 64, HugePage = 1 << 21, AdviseHugePages = 14;

    private void* _start;

    /// <exception cref="ModelException">There isn't as much.</exception>
    public NativeBuffer(long bytes, bool cleared = true)
    {
        Bytes = bytes;
        try
        {
            _start = NativeMemory.AlignedAlloc((nuint)Math.Max(bytes, 1), bytes >= 2 * HugePage ? (nuint)HugePage : CacheLine);
        }
        catch (OutOfMemoryException error)
        {
            throw new ModelException($"There is no room for {bytes >> 20} MiB of memory.", error);
        }
        if (bytes >= 2 * HugePage && OperatingSystem.IsLinux())
        {
            _ = Advise(_start, (nuint)bytes, AdviseHugePages); // Without them it is as right, and slower.
        }
        if (cleared)
        {
            NativeMemory.Clear(_start, (nuint)bytes);
        }
        GC.AddMemoryPressure(Math.Max(bytes, 1));
    }

    ~NativeBuffer() => Free();

    public long Bytes { get; }

    public nint Address => (nint)_start;

    public void Dispose()
    {
        Free();
        GC.SuppressFinalize(this);
    }

    private void Free()
    {
        if (_start is not null)
        {
            NativeMemory.AlignedFree(_start);
            GC.RemoveMemoryPressure(Math.Max(Bytes, 1));
            _start = null;
        }
    }

    [DllImport("libc", EntryPoint = "madvise"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Advise(void* start, nuint length, int advice);
}
