using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Faults.Cells;

/// <summary>
/// A process is killed, stopped for longer than a lease, asked to end, or struck by a fault of native code; each of them, in the middle of
/// its work.
/// </summary>
internal static class ProcessFaults
{
    /// <summary>Longer than a lease.</summary>
    public static readonly TimeSpan Frozen = TimeSpan.FromSeconds(40);

    /// <param name="Program">How its process is found; null is the AppHost.</param>
    /// <param name="HasChild">Computes in a process of its own, which is the one that native code would take down.</param>
    /// <param name="Moment">Ends when the run is in the middle of this one's work.</param>
    private sealed record Target(string Name, string? Program, bool HasChild, Func<Scene, string, Task> Moment);

    private static readonly Target[] s_targets =
    [
        new("coordinator", "LoraAspire.Coordinator", false, InTraining),
        new("data-build", "LoraAspire.DataBuild", true, Started("data")),
        new("trainer mid-step", "LoraAspire.Trainer", true, InTraining),
        new("trainer mid-checkpoint", "LoraAspire.Trainer", true,
            (scene, _) => scene.FileAsync("checkpoints", file => file.Contains(".tmp", StringComparison.Ordinal))),
        new("merger mid-write", "LoraAspire.Merger", true, (scene, _) => scene.FileAsync("scratch",
            file => file.Contains("/merge/", StringComparison.Ordinal) && file.Contains(".safetensors", StringComparison.Ordinal))),
        new("evaluator", "LoraAspire.Evaluator", true, Started("ask")),
        new("chat", "LoraAspire.Chat", false, Started("chat")),
        new("lab", "LoraAspire.Lab", false, InTraining),
        new("redis", "redis-server", false, InTraining),
        new("AppHost", null, false, InTraining),
    ];

    public static IEnumerable<Cell> Cells() =>
        from fault in ((string Name, int Signal)[])[("kill -9", AppProcesses.Kill), ("SIGTERM", AppProcesses.Term),
            ("SIGSEGV", AppProcesses.Segv), ("SIGSTOP 40 s", AppProcesses.Stop)]
        from target in s_targets
        select new Cell($"{fault.Name} × {target.Name}", Demand.SameDigests, scene => StrikeAsync(scene, target, fault.Signal),
            // Redis, merger and trainer have end-to-end tests of their own for this.
            Short: fault.Signal == AppProcesses.Kill && target.Name is "coordinator");

    private static async Task<RunState?> StrikeAsync(Scene scene, Target target, int signal)
    {
        var run = await scene.SubmitAsync();
        await target.Moment(scene, run);
        var pid = target.Program is null ? scene.App.Pid
            : signal == AppProcesses.Segv && target.HasChild ? await scene.ChildAsync(target.Program)
            : scene.App.Processes.Service(target.Program);
        AppProcesses.Signal(pid, signal);
        while (signal == AppProcesses.Segv && AppProcesses.IsAlive(pid))
        {
            // The first one by hand returns to code that did nothing wrong; native code that did would meet it again.
            await Task.Delay(50, scene.Stop);
            AppProcesses.Signal(pid, signal);
        }
        if (signal == AppProcesses.Stop)
        {
            await Task.Delay(Frozen, scene.Stop);
            AppProcesses.Signal(pid, AppProcesses.Continue);
        }
        else if (target.Program is null)
        {
            await scene.App.EndedAsync(scene.Stop);
        }
        return await scene.EndOfAsync(run);
    }

    private static Task InTraining(Scene scene, string run) => scene.StepAsync(run, 2);

    private static Func<Scene, string, Task> Started(string stage) => (scene, run) => scene.StartedAsync(run, stage);
}
