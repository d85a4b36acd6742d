using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Runtime.Store;

/// <summary>
/// What .NET doesn't ask of a file system: inodes and kinds of files, folders that are synced and locked, the real path. Linux only, as
/// this project is.
/// </summary>
internal static class Libc
{
    public const int NotPermitted = 1, Exists = 17, NotImplemented = 38, NotSupported = 95;
    public const int NoEntry = 2, IoError = 5, TryAgain = 11, AccessDenied = 13, NotADirectory = 20, NameTooLong = 36, LinkLoop = 40;

    public const int ReadOnlyFolder = 0x10000 | CloseOnExec; // O_RDONLY | O_DIRECTORY
    public const int LockShared = 1, LockExclusive = 2, LockUnlock = 8, LockNow = 4;
    public const int CurrentFolder = -100; // AT_FDCWD
    public const int NoFollow = 0x100, EmptyPath = 0x1000; // AT_SYMLINK_NOFOLLOW, AT_EMPTY_PATH
    public const uint BasicStatistics = 0x7FF; // STATX_BASIC_STATS

    private const int CloseOnExec = 0x80000;

    public static int LastError => Marshal.GetLastPInvokeError();

    public static string WordsOf(int error) => Marshal.GetPInvokeErrorMessage(error);

    [DllImport("libc", EntryPoint = "open", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false,
        ThrowOnUnmappableChar = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern SafeFileHandle Open(string path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Sync(SafeFileHandle file);

    [DllImport("libc", EntryPoint = "flock", SetLastError = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Lock(SafeFileHandle file, int operation);

    [DllImport("libc", EntryPoint = "umask"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern uint Mask(uint mode);

    [DllImport("libc", EntryPoint = "link", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false,
        ThrowOnUnmappableChar = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Link(string existing, string created);

    [DllImport("libc", EntryPoint = "statx", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false,
        ThrowOnUnmappableChar = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Status(int folder, string path, int flags, uint mask, out Statistics statistics);

    /// <summary>The resolved path is allocated by libc: free it.</summary>
    [DllImport("libc", EntryPoint = "realpath", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false,
        ThrowOnUnmappableChar = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern nint RealPath(string path, nint buffer);

    [DllImport("libc", EntryPoint = "free"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern void Free(nint memory);

    /// <summary>struct statx, the same on every architecture.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 256)]
    public readonly struct Statistics
    {
        public readonly uint Mask;
        public readonly uint BlockSize;
        public readonly ulong Attributes;
        public readonly uint Links;
        public readonly uint Owner;
        public readonly uint Group;
        public readonly ushort Mode;
        private readonly ushort _spare;
        public readonly ulong Inode;
        public readonly long Size;
        public readonly ulong Blocks;
        public readonly ulong AttributesMask;
        public readonly Time Accessed;
        public readonly Time Created;
        public readonly Time Changed;
        public readonly Time Modified;
    }

    [StructLayout(LayoutKind.Sequential)]
    public readonly struct Time
    {
        public readonly long Seconds;
        public readonly uint Nanoseconds;
        private readonly int _spare;
    }
}
