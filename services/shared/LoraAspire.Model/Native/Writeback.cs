using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Model.Native;

/// <summary>Has the disk begin with what was just written, so that the flush at the end finds little left. Only a hint.</summary>
internal static class Writeback
{
    private const int StartWriteback = 2; // SYNC_FILE_RANGE_WRITE

    public static void Begin(SafeFileHandle file, long offset, long length)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = sync_file_range(file, offset, length, StartWriteback);
        }
    }

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int sync_file_range(SafeFileHandle file, long offset, long length, uint flags);
}
