using System.Globalization;
using System.Runtime.InteropServices;

namespace LoraAspire.Faults;

/// <summary>The processes of one app, found by its state folder, which each has in its environment or its arguments.</summary>
internal sealed partial class AppProcesses(string state)
{
    public const int Segv = 11;
    public const int Kill = 9;
    public const int Term = 15;
    public const int Stop = 19;
    public const int Continue = 18;

    private const string Attempt = "\0attempt\0";

    /// <param name="project">Such as LoraAspire.Trainer; redis-server for Redis.</param>
    public int Service(string project) =>
        Find(project, attempt: false) is [var pid, ..] ? pid : throw new InvalidOperationException($"{project} does not run.");

    /// <summary>As many as there have to be of a service that runs more than once.</summary>
    public IReadOnlyList<int> Services(string project, int count) => Find(project, attempt: false) is var found && found.Length == count
        ? found : throw new InvalidOperationException($"{found.Length} of {project} run, not {count}.");

    /// <summary>The process of an attempt of it; null when none runs.</summary>
    public int? Child(string project) => Find(project, attempt: true) is [var pid, ..] ? pid : null;

    public IReadOnlyList<int> All() => [.. Pids().Where(pid => pid != Environment.ProcessId && Belongs(pid) && IsAlive(pid))];

    public static void Signal(int pid, int signal) => _ = SendSignal(pid, signal);

    private int[] Find(string program, bool attempt) => [.. Pids().Where(pid => CommandLine(pid) is var line
        && line.Split('\0', ' ')[0].EndsWith(program, StringComparison.Ordinal)
        && line.Contains(Attempt, StringComparison.Ordinal) == attempt && Belongs(pid) && IsAlive(pid))];

    /// <summary>Redis overwrites its arguments and environment with a title; it stands in its folder.</summary>
    private bool Belongs(int pid) => (CommandLine(pid) + Read(pid, "environ") + Folder(pid)).Contains(state, StringComparison.Ordinal);

    public static bool IsAlive(int pid) => Read(pid, "stat").Split(')')[^1].Trim() is [not ('Z' or 'X'), ..];

    public static string CommandLine(int pid) => Read(pid, "cmdline");

    private static IEnumerable<int> Pids() => Directory.EnumerateDirectories("/proc").Select(Path.GetFileName)
        .Select(name => int.TryParse(name, CultureInfo.InvariantCulture, out var pid) ? pid : 0).Where(pid => pid > 0);

    private static string? Folder(int pid)
    {
        try
        {
            return File.ResolveLinkTarget($"/proc/{pid}/cwd", returnFinalTarget: false)?.FullName;
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string Read(int pid, string file)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/{file}");
        }
        catch (Exception gone) when (gone is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int SendSignal(int pid, int signal);
}
