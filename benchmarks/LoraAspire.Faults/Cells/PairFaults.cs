using System.Globalization;
using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Faults.Cells;

/// <summary>
/// Two coordinators and two trainers at once, and two runs that want the same: one trainer trains, the other waits for it. What is done to
/// one of them, or to both of a kind, loses neither run.
/// </summary>
internal static class PairFaults
{
    private const string Coordinator = "LoraAspire.Coordinator", Trainer = "LoraAspire.Trainer";

    private static readonly (string Name, Func<Scene, string, Task<IReadOnlyList<int>>> Of)[] s_targets =
    [
        ("one of two coordinators", (scene, _) => Task.FromResult(scene.App.Processes.Services(Coordinator, 2).Take(1).ToArray()
            as IReadOnlyList<int>)),
        ("both coordinators", (scene, _) => Task.FromResult(scene.App.Processes.Services(Coordinator, 2))),
        ("the trainer at work of two", async (scene, run) => [await AtWorkAsync(scene, run)]),
        ("the other trainer of two", async (scene, run) => await AtWorkAsync(scene, run) is var busy
            ? [.. scene.App.Processes.Services(Trainer, 2).Where(pid => pid != busy)] : []),
        ("both trainers", (scene, _) => Task.FromResult(scene.App.Processes.Services(Trainer, 2))),
    ];

    public static IEnumerable<Cell> Cells() =>
        from fault in ((string Name, int Signal)[])[("kill -9", AppProcesses.Kill), ("SIGTERM", AppProcesses.Term),
            ("SIGSTOP 40 s", AppProcesses.Stop)]
        from target in s_targets
        select new Cell($"{fault.Name} × {target.Name}", Demand.SameDigests, scene => StrikeAsync(scene, target.Of, fault.Signal))
        {
            Pairs = true,
        };

    private static async Task<RunState?> StrikeAsync(Scene scene, Func<Scene, string, Task<IReadOnlyList<int>>> of, int signal)
    {
        var (first, second) = (await scene.SubmitAsync(), await scene.SubmitAsync());
        var run = await await Task.WhenAny(InTrainingAsync(scene, first), InTrainingAsync(scene, second));
        var struck = await of(scene, run);
        foreach (var pid in struck)
        {
            AppProcesses.Signal(pid, signal);
        }
        if (signal == AppProcesses.Stop)
        {
            await Task.Delay(ProcessFaults.Frozen, scene.Stop);
            foreach (var pid in struck)
            {
                AppProcesses.Signal(pid, AppProcesses.Continue);
            }
        }
        var ends = (await scene.EndOfAsync(first), await scene.EndOfAsync(second));
        // One is judged: the one that went worse.
        return ends.Item1?.Status == RunStatus.Succeeded ? ends.Item2 : ends.Item1;
    }

    /// <summary>The run, when its training has done two steps.</summary>
    private static async Task<string> InTrainingAsync(Scene scene, string run)
    {
        await scene.StepAsync(run, 2);
        return run;
    }

    /// <summary>The process that trains: a worker's name ends with it and a few letters.</summary>
    private static async Task<int> AtWorkAsync(Scene scene, string run) =>
        int.Parse((await scene.App.Runs.GetAsync(run))!.Stage("tune")!.Worker!.Split('-')[^2], CultureInfo.InvariantCulture);
}
