using System.Text;
using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Hosting.Engine;

/// <summary>How to start one process.</summary>
internal sealed record Launch(string Command, IReadOnlyList<string> Arguments, string WorkingDirectory, IReadOnlyDictionary<string, string> Environment);

/// <summary>A running child in its own session; whatever it starts ends with it, and it ends with us.</summary>
internal sealed class ChildProcess
{
    // The child waits for "go" so that it never runs unwatched: if we die before, read fails and it ends.
    private const string Script = """cd "$1" || exit 126; shift; read -r go || exit 125; exec "$@" </dev/null""";

    private readonly TaskCompletionSource<int> _exited = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private ChildProcess(int pid) => Pid = pid;

    public int Pid { get; }

    /// <summary>The exit code, or 128 + the signal, after all output has been read.</summary>
    public Task<int> Exited => _exited.Task;

    /// <param name="onLine">Called on the reader's thread with each line of stdout (false) or stderr (true).</param>
    public static ChildProcess Start(Launch launch, Watchdog watchdog, Action<bool, string> onLine)
    {
        var shell = Posix.SpawnShell(Script, ["lora-child", launch.WorkingDirectory, launch.Command, .. launch.Arguments], launch.Environment);
        var child = new ChildProcess(shell.Pid);
        watchdog.Watch(shell.Pid);
        using (var input = new FileStream(shell.Input, FileAccess.Write, bufferSize: 0))
        {
            try
            {
                input.Write("go\n"u8);
            }
            catch (IOException)
            {
                // The working folder is not there: the shell has said so and ended.
            }
        }
        var readers = new[] { Read(shell.Output, line => onLine(false, line)), Read(shell.Error, line => onLine(true, line)) };
        new Thread(() =>
        {
            var code = Posix.Wait(shell.Pid, () => Posix.Signal(-shell.Pid, Posix.SigKill));
            watchdog.Forget(shell.Pid);
            foreach (var reader in readers)
            {
                reader.Join(TimeSpan.FromSeconds(2));
            }
            child._exited.SetResult(code);
        })
        { IsBackground = true, Name = $"wait {shell.Pid}" }.Start();
        return child;
    }

    /// <summary>SIGTERM, then after the grace SIGKILL to the whole group.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        if (!Exited.IsCompleted)
        {
            Posix.Signal(Pid, Posix.SigTerm);
            if (await Task.WhenAny(Exited, Task.Delay(grace)) != Exited)
            {
                Posix.Signal(-Pid, Posix.SigKill);
            }
        }
        await Exited;
    }

    private static Thread Read(SafeFileHandle handle, Action<string> onLine)
    {
        var thread = new Thread(() =>
        {
            using var reader = new StreamReader(new FileStream(handle, FileAccess.Read, bufferSize: 0), Encoding.UTF8, false, 4096);
            while (reader.ReadLine() is { } line)
            {
                onLine(line);
            }
        })
        { IsBackground = true, Name = "output" };
        thread.Start();
        return thread;
    }
}
