using System.Runtime.InteropServices;

namespace LoraAspire.Model.Native;

/// <summary>This process as native libraries see it.</summary>
public static class NativeProcess
{
    /// <summary>Sets a variable for native code too: .NET keeps its own copy of the environment.</summary>
    public static void SetVariable(string name, string value, bool overwrite)
    {
        if (OperatingSystem.IsLinux() && (overwrite || Environment.GetEnvironmentVariable(name) is null))
        {
            _ = setenv(name, value, overwrite ? 1 : 0);
            Environment.SetEnvironmentVariable(name, value);
        }
    }

    /// <summary>Ends at once, whatever other threads wait for in native code, and without a handler.</summary>
    public static void Exit(int code) => _exit(code);

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false,
        ThrowOnUnmappableChar = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int setenv(string name, string value, int overwrite);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern void _exit(int code);
}
