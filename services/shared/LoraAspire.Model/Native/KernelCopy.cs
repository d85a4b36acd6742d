using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Model.Native;

/// <summary>Bytes from one file to another without a way through this process, where the system can (copy_file_range on Linux).</summary>
internal static class KernelCopy
{
    private const int Piece = 1 << 20;
    private const int StartWriteback = 2; // SYNC_FILE_RANGE_WRITE

    /// <exception cref="EndOfStreamException">The source is shorter.</exception>
    public static void Copy(SafeFileHandle from, long fromOffset, SafeFileHandle to, long toOffset, long length)
    {
        // What the kernel can't do (another file system, an old one) is copied by hand, from where it stopped.
        while (OperatingSystem.IsLinux() && length > 0 && copy_file_range(from, ref fromOffset, to, ref toOffset, (nuint)length, 0)
            is > 0 and var done)
        {
            length -= done;
        }
        var buffer = ArrayPool<byte>.Shared.Rent(Piece);
        for (var read = 1; length > 0 && read > 0; length -= read, fromOffset += read, toOffset += read)
        {
            read = RandomAccess.Read(from, buffer.AsSpan(0, (int)Math.Min(Piece, length)), fromOffset);
            RandomAccess.Write(to, buffer.AsSpan(0, read), toOffset);
        }
        ArrayPool<byte>.Shared.Return(buffer);
        if (length > 0)
        {
            throw new EndOfStreamException($"The file ends {length} bytes early.");
        }
    }

    /// <summary>Has the disk begin with what was just written, so that the flush at the end finds little left. Only a hint.</summary>
    public static void BeginWriteback(SafeFileHandle file, long offset, long length)
    {
        if (OperatingSystem.IsLinux())
        {
            _ = sync_file_range(file, offset, length, StartWriteback);
        }
    }

    [DllImport("libc", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint copy_file_range(SafeFileHandle from, ref long fromOffset, SafeFileHandle to, ref long toOffset, nuint length,
        uint flags);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int sync_file_range(SafeFileHandle file, long offset, long length, uint flags);
}
