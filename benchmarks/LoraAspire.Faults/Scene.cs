using System.Diagnostics;
using LoraAspire.Pipelines.Runs;
using StackExchange.Redis;

namespace LoraAspire.Faults;

/// <summary>What a cell works with: the world, the app, and the moments of a run.</summary>
internal sealed class Scene(World world, App app, CancellationToken stop)
{
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(3);
    private static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(100);

    public World World => world;
    public App App => app;
    public CancellationToken Stop => stop;

    /// <summary>The artifacts that an undisturbed run made: stage.output → digest.</summary>
    public IReadOnlyDictionary<string, string> Undisturbed { get; init; } = new Dictionary<string, string>();

    public Task<string> SubmitAsync() => app.Runs.SubmitAsync(World.Pipeline, "faults.yaml");

    public async Task StartedAsync(string run, string stage)
    {
        await foreach (var happened in app.Runs.WatchAsync(run, stop))
        {
            if (happened is StageStarted started && started.Stage == stage)
            {
                return;
            }
        }
        throw new InvalidOperationException($"The run was over before {stage} started.");
    }

    /// <summary>Returns when the trainer has done this many steps.</summary>
    public async Task StepAsync(string run, int step)
    {
        await foreach (var (stage, progress, _) in app.Runs.FollowProgressAsync(run, stop))
        {
            if (stage == "tune" && progress.Training?.Loss is not null && progress.Done >= step)
            {
                return;
            }
        }
        throw new InvalidOperationException($"The run was over before step {step}.");
    }

    /// <summary>
    /// Returns in the moment in which such a file appears under the store's folder. It is looked for: a watcher misses what is made in a
    /// folder as soon as the folder is.
    /// </summary>
    public async Task FileAsync(string folder, Func<string, bool> wanted)
    {
        var watched = Directory.CreateDirectory(Path.Combine(world.Store, folder)).FullName;
        for (var since = Stopwatch.StartNew(); since.Elapsed < s_limit; await Task.Delay(1, stop))
        {
            try
            {
                if (Directory.EnumerateFiles(watched, "*", SearchOption.AllDirectories).Any(wanted))
                {
                    return;
                }
            }
            catch (IOException)
            {
                // A folder went while it was looked at.
            }
        }
        throw new TimeoutException($"No such file has appeared in {watched}.");
    }

    public async Task<int> ChildAsync(string project)
    {
        for (var since = Stopwatch.StartNew(); since.Elapsed < TimeSpan.FromSeconds(10); await Task.Delay(5, stop))
        {
            if (app.Processes.Child(project) is { } pid)
            {
                return pid;
            }
        }
        throw new InvalidOperationException($"{project} started no process for its attempt.");
    }

    /// <summary>An app that has ended is started again.</summary>
    public async Task RunningAsync()
    {
        if (app.HasExited)
        {
            await app.EndedAsync(stop);
            if (!await app.StartAsync(stop))
            {
                throw new InvalidOperationException("The app did not start again.");
            }
        }
    }

    /// <summary>The run at its end; null when Redis has lost it. An app that ended meanwhile is started again.</summary>
    public async Task<RunState?> EndOfAsync(string run)
    {
        var (missing, since) = (0, Stopwatch.StartNew());
        RunState? last = null;
        while (since.Elapsed < s_limit)
        {
            await RunningAsync();
            try
            {
                last = await app.Runs.GetAsync(run) ?? last;
                missing = await app.Redis.KeyExistsAsync(Runtime.Streams.Keys.Run(run)) ? 0 : missing + 1;
            }
            catch (Exception away) when (away is RedisException or TimeoutException)
            {
                // It is being started again.
            }
            if (last is { IsOver: true })
            {
                return last;
            }
            if (missing * s_look > TimeSpan.FromSeconds(5))
            {
                return null;
            }
            await Task.Delay(s_look, stop);
        }
        throw new TimeoutException($"The run has not ended in {s_limit.TotalMinutes:0} "
            + $"min: {string.Join(", ", last?.Stages.Select(stage => $"{stage.Id} {stage.Status} (attempt {stage.Attempt})") ?? [])}.");
    }

    /// <summary>A whole run with nothing done to it.</summary>
    public async Task<RunState> RunAsync() =>
        await EndOfAsync(await SubmitAsync()) ?? throw new InvalidOperationException("Redis has lost the run.");
}
