using System.Diagnostics;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Faults.Cells;

/// <summary>Redis forgets, starts again or delivers twice; entries that nobody of ours writes, in every stream.</summary>
internal static class StreamFaults
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(40);

    private static readonly string[] s_streams =
        [Keys.Inbox, .. StageKinds.All.Select(kind => Keys.Work(kind.Name))];

    /// <summary>RUN is the id of a run that is over.</summary>
    private static readonly (string Name, string[] Fields)[] s_poisons =
    [
        ("nothing of ours", ["a=b"]),
        ("body null", ["v=1", "type=TYPE", "run=RUN", "stage=tune", "attempt=1", "at=2026-01-01T00:00:00Z", "body=null"]),
        ("body cut off", ["v=1", "type=TYPE", "run=RUN", "stage=tune", "attempt=1", "at=2026-01-01T00:00:00Z", "body={\"wo"]),
        ("attempt beyond int32",
            ["v=1", "type=TYPE", "run=RUN", "stage=tune", "attempt=99999999999", "at=2026-01-01T00:00:00Z", "body={}"]),
        ("a field twice", ["v=1", "type=TYPE", "run=RUN", "stage=tune", "attempt=1", "attempt=2", "at=2026-01-01T00:00:00Z", "body={}"]),
        ("a run that leaves the store", ["v=1", "type=TYPE", "run=..", "stage=tune", "attempt=1", "at=2026-01-01T00:00:00Z", "body={}"]),
        ("deep body",
            ["v=1", "type=TYPE", "run=RUN", "stage=tune", "attempt=1", "at=2026-01-01T00:00:00Z", "body=" + new string('[', 100_000)]),
        ("unknown type", ["v=1", "type=run.pause", "run=RUN", "at=2026-01-01T00:00:00Z", "body={}"]),
    ];

    public static IEnumerable<Cell> Cells()
    {
        yield return new("FLUSHALL × mid-run", Demand.AnyEnd, FlushAsync, Short: true);
        yield return new("AOF restart × mid-run", Demand.SameDigests, RestartAsync);
        yield return new("duplicates × every stream", Demand.SameDigests, DuplicatesAsync, Short: true);
        foreach (var (name, fields) in s_poisons)
        {
            foreach (var stream in s_streams)
            {
                yield return new($"{name} × {stream}", Demand.AnyEnd, scene => PoisonAsync(scene, stream, fields), Fresh: false,
                    Short: name == "body null" && stream is Keys.Inbox or "lora:work:trainer");
            }
        }
    }

    private static async Task<RunState?> FlushAsync(Scene scene)
    {
        var run = await scene.SubmitAsync();
        await scene.StepAsync(run, 2);
        // By a script: a client asks for the right of an administrator first.
        await scene.App.Redis.ScriptEvaluateAsync("redis.call('FLUSHALL')");
        try
        {
            await foreach (var _ in scene.App.Runs.WatchAsync(run, scene.Stop))
            {
            }
            throw new InvalidOperationException("who watched the run was told that it ended");
        }
        catch (RunLostException)
        {
            // So it has heard that there is nothing left to wait for.
        }
        return null;
    }

    private static async Task<RunState?> RestartAsync(Scene scene)
    {
        var run = await scene.SubmitAsync();
        await scene.StepAsync(run, 2);
        AppProcesses.Signal(scene.App.Processes.Service("redis-server"), AppProcesses.Term);
        return await scene.EndOfAsync(run);
    }

    /// <summary>Each entry once more, as a client does that has not heard of its first success.</summary>
    private static async Task<RunState?> DuplicatesAsync(Scene scene)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(scene.Stop);
        var copying = Task.WhenAll(s_streams.Select(stream => CopyAsync(scene.App.Redis, stream, over.Token)));
        var run = await scene.RunAsync();
        await over.CancelAsync();
        await copying;
        return run;
    }

    private static async Task CopyAsync(IDatabase redis, string stream, CancellationToken over)
    {
        RedisValue after = await redis.StreamRangeAsync(stream, count: 1, messageOrder: Order.Descending) is [var newest] ? newest.Id
            : "0-0";
        HashSet<string> own = [];
        while (!over.IsCancellationRequested)
        {
            foreach (var entry in await redis.StreamReadAsync(stream, after))
            {
                after = entry.Id;
                if (!own.Remove(entry.Id!))
                {
                    own.Add((await redis.StreamAddAsync(stream, entry.Values))!);
                }
            }
            await Task.Delay(1, CancellationToken.None);
        }
    }

    private static async Task<RunState?> PoisonAsync(Scene scene, string stream, string[] fields)
    {
        var over = (await scene.App.Runs.ListAsync()).First(run => run.IsOver);
        var type = stream == Keys.Inbox ? "attempt.finished" : "stage.run";
        var id = await scene.App.Redis.StreamAddAsync(stream,
            [.. fields.Select(field => field.Replace("RUN", over.Id, StringComparison.Ordinal)
                .Replace("TYPE", type, StringComparison.Ordinal).Split('=', 2)).Select(pair => new NameValueEntry(pair[0], pair[1]))]);
        var since = Stopwatch.StartNew();
        for (; (await scene.App.Redis.StreamRangeAsync(stream, id, id)).Length > 0; await Task.Delay(20, scene.Stop))
        {
            if (since.Elapsed > s_patience)
            {
                throw new TimeoutException($"the entry still stands in {stream} after {s_patience.TotalSeconds:0} s");
            }
        }
        return null;
    }
}
