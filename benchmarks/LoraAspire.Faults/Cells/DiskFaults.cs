using System.Diagnostics;
using LoraAspire.Pipelines.Runs;

namespace LoraAspire.Faults.Cells;

/// <summary>A disk is full or read-only, a file has another bit, is cut off or gone; for everything that the app keeps.</summary>
internal static class DiskFaults
{
    private sealed record Damage(string Name, Action<string> Do);

    private static readonly Damage[] s_damages =
    [
        new("flipped bit", file => Write(file, bytes =>
        {
            bytes[bytes.Length / 2] ^= 1;
            return bytes;
        })),
        new("truncated", file => Write(file, bytes => bytes[..(bytes.Length * 3 / 5)])),
        new("missing", File.Delete),
    ];

    private static readonly (string Name, Func<Disk, IDisposable> Do)[] s_disks =
        [("full disk", disk => disk.Fill()), ("read-only", disk => disk.ReadOnly())];

    public static IEnumerable<Cell> Cells()
    {
        foreach (var (name, spoil) in s_disks)
        {
            yield return new($"{name} × object", Demand.OrWords, scene => BeforeRunAsync(scene, spoil), Short: name == "full disk");
            yield return new($"{name} × cache entry", Demand.OrWords,
                scene => AtFileAsync(scene, spoil, "objects", file => file.EndsWith("manifest.json", StringComparison.Ordinal)));
            yield return new($"{name} × checkpoint", Demand.OrWords,
                scene => AtFileAsync(scene, spoil, "checkpoints", file => file.Contains(".tmp", StringComparison.Ordinal)));
            yield return new($"{name} × data file while read", Demand.SameDigests,
                scene => DataAsync(scene, () => spoil(scene.World.DataDisk)));
        }
        yield return new("full disk × state folder", Demand.OrWords, FullStateAsync);
        yield return new("read-only × state folder", Demand.AnyEnd, ReadOnlyStateAsync, Fresh: false);
        foreach (var damage in s_damages)
        {
            yield return new($"{damage.Name} × object", Demand.SameDigests, scene => ObjectAsync(scene, damage), Fresh: false,
                Short: damage.Name == "flipped bit");
            yield return new($"{damage.Name} × cache entry", Demand.SameDigests, scene => CacheEntryAsync(scene, damage), Fresh: false);
            yield return new($"{damage.Name} × checkpoint", Demand.SameDigests, scene => CheckpointAsync(scene, damage),
                Short: damage.Name == "flipped bit");
            yield return new($"{damage.Name} × data file while read", Demand.AnyEnd, scene => DataAsync(scene, () =>
            {
                damage.Do(scene.World.RecordsFile);
                return null;
            }));
            yield return new($"{damage.Name} × state folder", Demand.AnyEnd, scene => StateAsync(scene, damage), Fresh: false);
        }
    }

    private static async Task<RunState?> BeforeRunAsync(Scene scene, Func<Disk, IDisposable> spoil)
    {
        using (spoil(scene.World.StoreDisk))
        {
            return await scene.RunAsync();
        }
    }

    private static async Task<RunState?> AtFileAsync(Scene scene, Func<Disk, IDisposable> spoil, string folder, Func<string, bool> wanted)
    {
        var run = await scene.SubmitAsync();
        await scene.FileAsync(folder, wanted);
        using (spoil(scene.World.StoreDisk))
        {
            return await scene.EndOfAsync(run);
        }
    }

    private static async Task<RunState?> DataAsync(Scene scene, Func<IDisposable?> spoil)
    {
        var run = await scene.SubmitAsync();
        await scene.StartedAsync(run, "data");
        using (spoil())
        {
            return await scene.EndOfAsync(run);
        }
    }

    /// <summary>Redis keeps its log there: it takes no more writes, and goes on when there is room again.</summary>
    private static async Task<RunState?> FullStateAsync(Scene scene)
    {
        var run = await scene.SubmitAsync();
        await scene.StepAsync(run, 2);
        using (scene.World.StateDisk.Fill())
        {
            await Task.Delay(TimeSpan.FromSeconds(10), scene.Stop);
        }
        return await scene.EndOfAsync(run);
    }

    private static async Task<RunState?> ReadOnlyStateAsync(Scene scene)
    {
        await scene.App.StopAsync(scene.Stop);
        using (scene.World.StateDisk.ReadOnly())
        {
            var since = Stopwatch.StartNew();
            if (await scene.App.StartAsync(scene.Stop))
            {
                throw new InvalidOperationException("the app started on a read-only state folder");
            }
            if (since.Elapsed > TimeSpan.FromSeconds(30) || !scene.App.Said.Contains("ead-only", StringComparison.Ordinal))
            {
                throw new InvalidOperationException($"after {since.Elapsed.TotalSeconds:0} s the app did not say why it does not start");
            }
            await scene.App.EndedAsync(scene.Stop);
        }
        return await StartAgainAsync(scene);
    }

    /// <summary>The adapter, which the merge has to read again.</summary>
    private static async Task<RunState?> ObjectAsync(Scene scene, Damage damage)
    {
        var whole = await scene.RunAsync();
        var adapter = Path.Combine(scene.World.Store, "objects", whole.Stage("tune")!.Outputs["adapter"], "adapter_model.safetensors");
        damage.Do(adapter);
        File.Delete(CacheEntry(scene, whole, "merge"));
        return await scene.RunAsync();
    }

    private static async Task<RunState?> CacheEntryAsync(Scene scene, Damage damage)
    {
        damage.Do(CacheEntry(scene, await scene.RunAsync(), "tune"));
        return await scene.RunAsync();
    }

    private static string CacheEntry(Scene scene, RunState run, string stage) =>
        Path.Combine(scene.World.Store, "cache", run.Stage(stage)!.Key + ".json");

    private static async Task<RunState?> CheckpointAsync(Scene scene, Damage damage)
    {
        var run = await scene.SubmitAsync();
        await scene.StepAsync(run, 8);
        AppProcesses.Signal(await scene.ChildAsync("LoraAspire.Trainer"), AppProcesses.Kill);
        var newest = Directory.GetDirectories(Path.Combine(scene.World.Store, "checkpoints"), "step-*", SearchOption.AllDirectories)
            .Where(step => !step.EndsWith(".tmp", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Last();
        damage.Do(Path.Combine(newest, "state.safetensors"));
        return await scene.EndOfAsync(run);
    }

    /// <summary>Redis's log between two starts: it starts on what is left of it, or the AppHost says in words why it doesn't.</summary>
    private static async Task<RunState?> StateAsync(Scene scene, Damage damage)
    {
        await scene.App.StopAsync(scene.Stop);
        var log = new DirectoryInfo(scene.World.State).GetFiles("*.incr.aof", SearchOption.AllDirectories).MaxBy(file => file.Length)!;
        damage.Do(log.FullName);
        if (await scene.App.StartAsync(scene.Stop))
        {
            return null;
        }
        if (!scene.App.Said.Contains("redis", StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidOperationException("the app did not say why it does not start");
        }
        await scene.App.EndedAsync(scene.Stop);
        log.Directory!.Delete(recursive: true);
        return await StartAgainAsync(scene);
    }

    private static async Task<RunState?> StartAgainAsync(Scene scene) =>
        await scene.App.StartAsync(scene.Stop) ? null
            : throw new InvalidOperationException("the app does not start when all is well again");

    private static void Write(string file, Func<byte[], byte[]> change)
    {
        var bytes = File.ReadAllBytes(file);
        File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllBytes(file, change(bytes));
    }
}
