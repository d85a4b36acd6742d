namespace LoraAspire.Runtime.Hosting;

/// <summary>How a process ended, in words.</summary>
public static class ProcessEnd
{
    // As .NET and shells give it: 128 and the number of the signal.
    private const int Signalled = 128;

    private static readonly Dictionary<int, (string Name, string Meaning)> Signals = new()
    {
        [1] = ("SIGHUP", "its terminal was closed"),
        [2] = ("SIGINT", "somebody interrupted it"),
        [3] = ("SIGQUIT", "somebody ended it"),
        [4] = ("SIGILL", "an instruction that this processor doesn't have, in native code"),
        [6] = ("SIGABRT", "native code or the runtime gave up"),
        [7] = ("SIGBUS", "memory that can't be reached: a file that was cut while it was mapped, or a full /dev/shm"),
        [8] = ("SIGFPE", "an arithmetic fault in native code"),
        [9] = ("SIGKILL", "the system when memory ran out, or somebody with kill -9"),
        [11] = ("SIGSEGV", "a memory fault in native code"),
        [15] = ("SIGTERM", "somebody ended it"),
    };

    /// <summary>Signals that come from outside and say nothing about the work.</summary>
    private static readonly int[] FromOutside = [1, 2, 3, 9, 15];

    public static string Of(int exitCode) => Signals.TryGetValue(exitCode - Signalled, out var signal)
        ? $"ended by {signal.Name} ({signal.Meaning})"
        : exitCode == 0 ? "ended without a result" : $"ended with exit code {exitCode}";

    public static bool IsFromOutside(int exitCode) => FromOutside.Contains(exitCode - Signalled);
}
