using System.Globalization;
using System.Runtime.InteropServices;

namespace LoraAspire.Fuzz;

/// <summary>The processor time of one thread: a reader that waits for its turn doesn't hang.</summary>
internal static class ThreadClock
{
    /// <summary>The system's number of this thread.</summary>
    public static int Current() => gettid();

    public static TimeSpan Read(int thread)
    {
        // Its first number is nanoseconds on a processor.
        var line = File.ReadAllText($"/proc/self/task/{thread.ToString(CultureInfo.InvariantCulture)}/schedstat");
        return TimeSpan.FromMicroseconds(long.Parse(line.AsSpan(0, line.IndexOf(' ')), CultureInfo.InvariantCulture) / 1000.0);
    }

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int gettid();
}
