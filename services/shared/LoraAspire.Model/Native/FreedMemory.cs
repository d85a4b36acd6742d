using System.Runtime.InteropServices;

namespace LoraAspire.Model.Native;

/// <summary>
/// Memory that a model held and nobody holds any more. glibc keeps freed blocks of up to 32 MiB, a model's weights nearly all, for the next
/// one that asks; over reloads the process grows, since what is asked for next seldom fits the gaps.
/// </summary>
public static class FreedMemory
{
    private static bool s_missing = !OperatingSystem.IsLinux();

    /// <summary>
    /// Gives it back to the system. Takes some milliseconds; call it after something large was disposed. Does nothing where there is no
    /// glibc.
    /// </summary>
    public static void GiveBack()
    {
        // Tensors that nobody disposed hold native memory until their finalizers have run.
        GC.Collect();
        GC.WaitForPendingFinalizers();
        if (s_missing)
        {
            return;
        }
        try
        {
            _ = malloc_trim(0);
        }
        catch (Exception error) when (error is EntryPointNotFoundException or DllNotFoundException)
        {
            // Another libc, such as musl: it has no such call and keeps less.
            s_missing = true;
        }
    }

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int malloc_trim(nuint pad);
}
