using System.Diagnostics;
using System.Text.Json;
using System.Text.RegularExpressions;
using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Faults;

/// <summary>Runs cell after cell on one app and judges each.</summary>
internal static partial class Matrix
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(6);

    public static async Task<int> RunAsync(IReadOnlyList<Cell> cells, CancellationToken stop)
    {
        var clock = Stopwatch.StartNew();
        var (failed, skipped) = (0, 0);
        foreach (var group in cells.GroupBy(cell => cell.Pairs))
        {
            if (await RunAsync([.. group], group.Key, stop) is not { } ended)
            {
                return 1;
            }
            (failed, skipped) = (failed + ended.Failed, skipped + ended.Skipped);
        }
        Console.WriteLine(JsonSerializer.Serialize(
            new { name = "faults", cells = cells.Count - skipped, failed, skipped, seconds = Math.Round(clock.Elapsed.TotalSeconds) }));
        return failed == 0 && cells.Count > skipped ? 0 : 1;
    }

    /// <summary>On one app; null when it doesn't start.</summary>
    private static async Task<(int Failed, int Skipped)?> RunAsync(IReadOnlyList<Cell> cells, bool pairs, CancellationToken stop)
    {
        using var world = new World();
        await using var app = new App(world, pairs);
        Console.WriteLine($"Starting the app in {world.State} ...");
        if (!await app.StartAsync(stop))
        {
            Console.Error.WriteLine($"The app did not start:\n{app.Said}");
            return null;
        }
        var undisturbed = Digests(await new Scene(world, app, stop).RunAsync());
        var (failed, skipped) = (0, 0);
        foreach (var cell in cells)
        {
            var since = Stopwatch.StartNew();
            var (verdict, said) = await TryAsync(cell, new Scene(world, app, stop) { Undisturbed = undisturbed }, stop);
            (failed, skipped) = (failed + (verdict == "FAILED" ? 1 : 0), skipped + (verdict == "skipped" ? 1 : 0));
            Console.WriteLine($"{verdict,-7} {since.Elapsed.TotalSeconds,6:0.0} s  {cell.Name}: {said}");
            if (verdict == "FAILED")
            {
                Console.WriteLine($"        the app said last:\n        {app.Said.Replace("\n", "\n        ", StringComparison.Ordinal)}");
            }
        }
        return (failed, skipped);
    }

    private static async Task<(string Verdict, string Said)> TryAsync(Cell cell, Scene scene, CancellationToken stop)
    {
        try
        {
            await scene.RunningAsync();
            return ("ok", await JudgeAsync(cell, scene).WaitAsync(s_limit, stop));
        }
        catch (SkippedException reason)
        {
            return ("skipped", reason.Message);
        }
        catch (Exception fault) when (!stop.IsCancellationRequested)
        {
            return ("FAILED", fault.Message);
        }
    }

    private static async Task<string> JudgeAsync(Cell cell, Scene scene)
    {
        if (cell.Fresh)
        {
            scene.World.ForgetResults();
        }
        var disturbed = await cell.Act(scene);
        var said = Require(cell.Demand, disturbed, scene.Undisturbed);
        scene.World.RestoreRecords();
        Require(Demand.SameDigests, await scene.RunAsync(), scene.Undisturbed);
        return said + "; the next run too";
    }

    /// <returns>How it ended.</returns>
    private static string Require(Demand demand, RunState? run, IReadOnlyDictionary<string, string> undisturbed)
    {
        if (run is null)
        {
            return demand == Demand.AnyEnd ? "no run to judge" : throw new InvalidOperationException("Redis has lost the run.");
        }
        if (run.Status == RunStatus.Succeeded)
        {
            var other = Digests(run).Where(output => undisturbed.GetValueOrDefault(output.Key) != output.Value).Select(output => output.Key)
                .ToList();
            return other.Count == 0
                ? $"succeeded, attempts {string.Join(' ', run.Stages.Select(stage => stage.Cached ? "-" : $"{stage.Attempt}"))}, same "
                    + "digests"
                : demand == Demand.AnyEnd ? "succeeded with what it found"
                : throw new InvalidOperationException($"it succeeded with another {string.Join(", ", other)}.");
        }
        var words =
            run.Stages.Select(stage => stage.Error).Append(run.Error).OfType<string>().Where(error => error.Length > 0).Distinct().ToList();
        if (demand == Demand.SameDigests)
        {
            throw new InvalidOperationException($"it ended as {run.Status}: {string.Join(" | ", words)}");
        }
        return words.Count == 0 ? throw new InvalidOperationException($"it ended as {run.Status}, without a word.")
            : words.FirstOrDefault(error => error.Contains("fault of LoraAspire", StringComparison.Ordinal) || StackTrace().IsMatch(error))
                is { } raw ? throw new InvalidOperationException($"its words are a program's: {raw}")
            : $"failed in words ({words[0]})";
    }

    private static Dictionary<string, string> Digests(RunState run) =>
        run.Stages.SelectMany(stage => stage.Outputs.Select(output => KeyValuePair.Create($"{stage.Id}.{output.Key}", output.Value)))
            .ToDictionary();

    [GeneratedRegex(@"^\s+at \S+\(", RegexOptions.Multiline)]
    private static partial Regex StackTrace();
}
