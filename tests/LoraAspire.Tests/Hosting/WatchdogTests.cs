using System.Diagnostics;
using LoraAspire.Hosting.Engine;

namespace LoraAspire.Tests.Hosting;

public sealed class WatchdogTests
{
    private static readonly Dictionary<string, string> Environment = new() { ["PATH"] = "/usr/bin:/bin" };

    [Fact]
    public async Task A_child_that_ignores_sigterm_dies_with_its_children_when_the_pipe_of_its_parent_closes()
    {
        var watchdog = new Watchdog();
        var grandchild = new TaskCompletionSource<int>();
        var child = ChildProcess.Start(new Launch("sh", ["-c", "trap '' TERM; sleep 1000 & echo $!; while :; do wait; done"], "/", Environment), watchdog,
            (_, line) => grandchild.TrySetResult(int.Parse(line, System.Globalization.CultureInfo.InvariantCulture)));
        var pid = await grandchild.Task.WaitAsync(TestContext.Current.CancellationToken);

        watchdog.Dispose();   // what the kernel does to the pipe when the parent is killed

        Assert.Equal(128 + 9, await child.Exited.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Assert.True(SpinWait.SpinUntil(() => !IsRunning(pid), TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public async Task What_a_child_leaves_behind_ends_with_it()
    {
        using var watchdog = new Watchdog();
        var grandchild = new TaskCompletionSource<int>();
        var child = ChildProcess.Start(new Launch("sh", ["-c", "sleep 1000 >/dev/null 2>&1 & echo $!; exit 5"], "/", Environment), watchdog,
            (_, line) => grandchild.TrySetResult(int.Parse(line, System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal(5, await child.Exited.WaitAsync(TestContext.Current.CancellationToken));
        var pid = await grandchild.Task;
        Assert.True(SpinWait.SpinUntil(() => !IsRunning(pid), TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public async Task A_stubborn_child_is_killed_after_the_grace()
    {
        using var watchdog = new Watchdog();
        var ready = new TaskCompletionSource();
        var child = ChildProcess.Start(new Launch("sh", ["-c", "trap '' TERM; echo ready; while :; do sleep 1000; done"], "/", Environment), watchdog, (_, _) => ready.TrySetResult());
        await ready.Task;
        var clock = Stopwatch.StartNew();
        await child.StopAsync(TimeSpan.FromSeconds(0.2));
        Assert.Equal(128 + 9, await child.Exited);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(10));
    }

    /// <summary>A killed orphan may stay for a moment as a zombie until init reaps it.</summary>
    private static bool IsRunning(int pid)
    {
        try
        {
            return File.ReadAllText($"/proc/{pid}/stat").Split(')')[1].Trim()[0] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }
}
