using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Hosting.Engine;

/// <summary>
/// What <see cref="System.Diagnostics.Process"/> cannot do: start a child as leader of its own session, so that Ctrl-C in the terminal
/// does not reach it, and signal its whole group.
/// </summary>
internal static unsafe partial class Posix
{
    public const int SigKill = 9;
    public const int SigTerm = 15;

    private const int CloseOnExec = 0x80000;
    private const short SetSignalDefaults = 0x04, SetSignalMask = 0x08, SetSession = 0x80;
    private const int WaitForPid = 1, WaitExited = 4, WaitNoReap = 0x1000000;
    private const int Interrupted = 4;

    /// <summary>A started process; the handles are this side's ends of its standard streams.</summary>
    public sealed record Spawned(int Pid, SafeFileHandle Input, SafeFileHandle Output, SafeFileHandle Error);

    /// <summary>Starts <c>/bin/sh -c script arguments...</c>; the first argument is <c>$0</c>.</summary>
    public static Spawned SpawnShell(string script, IEnumerable<string> arguments, IEnumerable<KeyValuePair<string, string>> environment)
    {
        var (inputRead, inputWrite) = Pipe();
        var (outputRead, outputWrite) = Pipe();
        var (errorRead, errorWrite) = Pipe();
        // Opaque to us; glibc's are 80 and 336 bytes, signal sets 128.
        var actions = stackalloc byte[512];
        var attributes = stackalloc byte[1024];
        var none = stackalloc byte[128];
        var all = stackalloc byte[128];
        new Span<byte>(none, 128).Clear();
        new Span<byte>(all, 128).Fill(0xFF);
        var argv = Strings(["/bin/sh", "-c", script, .. arguments]);
        var envp = Strings(environment.Select(pair => $"{pair.Key}={pair.Value}"));
        try
        {
            Check(FileActionsInit(actions));
            Check(FileActionsDup2(actions, Number(inputRead), 0));
            Check(FileActionsDup2(actions, Number(outputWrite), 1));
            Check(FileActionsDup2(actions, Number(errorWrite), 2));
            Check(AttributesInit(attributes));
            Check(AttributesSetSignalMask(attributes, none));
            Check(AttributesSetSignalDefault(attributes, all));
            Check(AttributesSetFlags(attributes, SetSignalDefaults | SetSignalMask | SetSession));
            Check(Spawn(out var pid, "/bin/sh", actions, attributes, argv, envp));
            return new Spawned(pid, inputWrite, outputRead, errorRead);
        }
        finally
        {
            _ = FileActionsDestroy(actions);
            _ = AttributesDestroy(attributes);
            Free(argv);
            Free(envp);
            inputRead.Dispose();
            outputWrite.Dispose();
            errorWrite.Dispose();
        }
    }

    /// <summary>Blocks until the child has ended, runs the action while its id cannot be used again, then reaps it.</summary>
    /// <returns>The exit code, or 128 + the signal.</returns>
    public static int Wait(int pid, Action beforeReaping)
    {
        var info = stackalloc byte[128];
        while (WaitId(WaitForPid, pid, info, WaitExited | WaitNoReap) != 0 && Marshal.GetLastPInvokeError() == Interrupted)
        {
        }
        beforeReaping();
        int status;
        while (WaitPid(pid, out status, 0) < 0 && Marshal.GetLastPInvokeError() == Interrupted)
        {
        }
        return (status & 0x7F) == 0 ? (status >> 8) & 0xFF : 128 + (status & 0x7F);
    }

    /// <summary>Sends a signal; a negative id means the process group. That it is gone already is fine.</summary>
    public static void Signal(int pid, int signal) => _ = Kill(pid, signal);

    private static (SafeFileHandle Read, SafeFileHandle Write) Pipe()
    {
        var ends = stackalloc int[2];
        if (Pipe2(ends, CloseOnExec) != 0)
        {
            Check(Marshal.GetLastPInvokeError());
        }
        return (new SafeFileHandle(ends[0], ownsHandle: true), new SafeFileHandle(ends[1], ownsHandle: true));
    }

    private static int Number(SafeFileHandle handle) => (int)handle.DangerousGetHandle();

    private static void Check(int error)
    {
        if (error != 0)
        {
            throw new IOException($"Cannot start a process: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    private static byte** Strings(IEnumerable<string> values)
    {
        var list = values.ToList();
        var array = (byte**)NativeMemory.Alloc((nuint)(list.Count + 1), (nuint)sizeof(byte*));
        for (var i = 0; i < list.Count; i++)
        {
            array[i] = (byte*)Marshal.StringToCoTaskMemUTF8(list[i]);
        }
        array[list.Count] = null;
        return array;
    }

    private static void Free(byte** array)
    {
        for (var p = array; *p is not null; p++)
        {
            Marshal.FreeCoTaskMem((nint)(*p));
        }
        NativeMemory.Free(array);
    }

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(out int pid, string path, byte* actions, byte* attributes, byte** argv, byte** envp);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int FileActionsInit(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int FileActionsDestroy(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int FileActionsDup2(byte* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_init")]
    private static partial int AttributesInit(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_destroy")]
    private static partial int AttributesDestroy(byte* attributes);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setflags")]
    private static partial int AttributesSetFlags(byte* attributes, short flags);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigmask")]
    private static partial int AttributesSetSignalMask(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "posix_spawnattr_setsigdefault")]
    private static partial int AttributesSetSignalDefault(byte* attributes, byte* signals);

    [LibraryImport("libc", EntryPoint = "pipe2", SetLastError = true)]
    private static partial int Pipe2(int* ends, int flags);

    [LibraryImport("libc", EntryPoint = "waitid", SetLastError = true)]
    private static partial int WaitId(int type, int id, byte* info, int options);

    [LibraryImport("libc", EntryPoint = "waitpid", SetLastError = true)]
    private static partial int WaitPid(int pid, out int status, int options);

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int pid, int signal);
}
