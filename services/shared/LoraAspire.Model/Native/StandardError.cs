using System.Runtime.InteropServices;
using System.Text;

namespace LoraAspire.Model.Native;

/// <summary>The process's standard error as native code sees it, below .NET's own writer.</summary>
internal static class StandardError
{
    private const int Descriptor = 2;
    private const int MostBytes = 1 << 16;

    private static readonly Lock s_one = new();

    /// <summary>
    /// What native code writes while <paramref name="work"/> runs, which is passed on afterwards; empty where the system doesn't let itself
    /// be listened to.
    /// </summary>
    public static unsafe string During(Action work)
    {
        lock (s_one)
        {
            int place = memfd_create("stderr", 0), before = dup(Descriptor);
            if (place < 0 || before < 0)
            {
                work();
                return "";
            }
            try
            {
                _ = dup2(place, Descriptor);
                work();
            }
            finally
            {
                _ = dup2(before, Descriptor);
                _ = close(before);
            }
            var bytes = new byte[MostBytes];
            fixed (byte* start = bytes)
            {
                var length = (int)Math.Max(0, pread(place, start, (nuint)bytes.Length, 0));
                _ = close(place);
                _ = write(Descriptor, start, (nuint)length);
                return Encoding.UTF8.GetString(bytes, 0, length);
            }
        }
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false,
        ThrowOnUnmappableChar = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int memfd_create(string name, uint flags);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int dup(int descriptor);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int dup2(int from, int to);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int close(int descriptor);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern unsafe nint pread(int descriptor, byte* bytes, nuint count, long offset);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern unsafe nint write(int descriptor, byte* bytes, nuint count);
}
