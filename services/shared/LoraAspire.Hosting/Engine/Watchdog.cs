using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Hosting.Engine;

/// <summary>
/// A shell that outlives us by a moment. It reads the groups that we start from a pipe; when the pipe closes, which the kernel does
/// however we die, it stops what is left: SIGTERM first, so that Redis finishes its log, SIGKILL after two seconds.
/// </summary>
internal sealed class Watchdog : IDisposable
{
    private const string Script = """
        trap '' HUP INT QUIT TERM
        exec >/dev/null 2>&1
        groups=
        while read -r verb group; do
            case $verb in
                watch) groups="$groups $group" ;;
                forget) rest=
                    for g in $groups; do [ "$g" = "$group" ] || rest="$rest $g"; done
                    groups=$rest ;;
            esac
        done
        for g in $groups; do kill -TERM "-$g"; done
        for pause in 0.1 0.1 0.2 0.3 0.3 0.5 0.5; do
            left=
            for g in $groups; do kill -0 "-$g" && left=1; done
            [ -n "$left" ] || exit 0
            sleep "$pause"
        done
        for g in $groups; do kill -KILL "-$g"; done
        """;

    private readonly Lock _lock = new();
    private readonly StreamWriter _pipe;
    private bool _closed;

    public Watchdog()
    {
        var shell = Posix.SpawnShell(Script, ["lora-watchdog"], [new("PATH", Environment.GetEnvironmentVariable("PATH") ?? "/usr/bin:/bin")]);
        shell.Output.Dispose();
        shell.Error.Dispose();
        _pipe = new StreamWriter(new FileStream(shell.Input, FileAccess.Write, bufferSize: 0)) { AutoFlush = true };
        new Thread(() => Posix.Wait(shell.Pid, () => { })) { IsBackground = true, Name = "watchdog" }.Start();
    }

    public void Watch(int group) => Send($"watch {group}\n");

    public void Forget(int group)
    {
        try
        {
            Send($"forget {group}\n");
        }
        catch (IOException)
        {
            // Somebody killed the watchdog; the group it would forget is gone.
        }
    }

    /// <summary>Closes the pipe: whatever is still watched is stopped now.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _closed = true;
            _pipe.Dispose();
        }
    }

    private void Send(string line)
    {
        lock (_lock)
        {
            if (!_closed)
            {
                _pipe.Write(line);
            }
        }
    }
}
