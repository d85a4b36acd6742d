using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Coordinator;
using LoraAspire.DataBuild;
using LoraAspire.EndToEndTests.Lab;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Planning;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace LoraAspire.Benchmarks;

/// <summary>
/// A thousand runs of a pipeline at once, through a real Redis, coordinators and workers: data-build, whose result is cached after the
/// first run, and as many as asked for of a stage that always runs and has nothing to do, each with a connection of its own as on a
/// machine of its own. None may be lost. Then runs one after another, for the time a hand-over takes when nobody is in the way, and no run
/// at all, for what waiting costs. <c>ratio</c> is the time of as many pings, one after another, over the time of the thousand runs,
/// in turn.
/// </summary>
internal static class QueueBenchmark
{
    private static readonly TimeSpan s_rest = TimeSpan.FromSeconds(10);

    private const string Pipeline = """
        name: queue
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:pebble }
            with: { prompt_template_name: plain, cutoff_len: 128, sources: [ { self_cognition: { name: Yanqi, developer: us, sample: 20 } } ] }
          - id: serve
            uses: chat
            inputs: { model: model:pebble }
        """;

    public static Command Command()
    {
        var runs = new Option<int>("--runs") { Description = "Runs that are submitted at once", DefaultValueFactory = _ => 1000 };
        var rounds = new Option<int>("--rounds") { Description = "Of these, in turn with pings", DefaultValueFactory = _ => 3 };
        var single = new Option<int>("--single") { Description = "Runs one after another", DefaultValueFactory = _ => 200 };
        var workers = new Option<int>("--workers") { Description = "Workers of the stage that does nothing", DefaultValueFactory = _ => 1 };
        var coordinators = new Option<int>("--coordinators") { Description = "Coordinators", DefaultValueFactory = _ => 1 };
        var command = new Command("queue",
            "A thousand runs at once: whether one is lost, how long they take, the hand-over from coordinator to worker, and what Redis "
            + "holds and does.") { runs, rounds, single, workers, coordinators };
        command.SetAction((parsed, stop) => RunAsync(parsed.GetValue(runs), parsed.GetValue(rounds),
            parsed.GetValue(single), parsed.GetValue(workers), parsed.GetValue(coordinators), stop));
        return command;
    }

    private static async Task<int> RunAsync(int count, int rounds, int single, int workers, int coordinators, CancellationToken stop)
    {
        var folder = Directory.CreateTempSubdirectory("lora-bench-queue-").FullName;
        await using var server = new RedisProcess(appendFsync: "everysec");
        await server.StartAsync();
        try
        {
            await using var connection = await ConnectionMultiplexer.ConnectAsync($"{server.ConnectionString},allowAdmin=true");
            using var handOver = new HandOver();
            var runs = new RunClient(connection, new StreamSettings());
            await using var machines = new Machines(server.ConnectionString);
            var services = await ServicesAsync(machines, workers, coordinators,
                new LoraPaths(folder, Path.Combine(folder, "store"), folder, Path.Combine(LoraPaths.Checkout()!, "models")));
            foreach (var service in services)
            {
                await service.StartAsync(stop);
            }
            await EndOfAsync(runs, await runs.SubmitAsync(Pipeline), stop);
            handOver.Take();

            InTurn turns = new();
            RedisFigures busy = new(0, 0, 0);
            List<RunState?> states = [];
            for (var round = 0; round < rounds; round++)
            {
                var before = await RedisFigures.OfAsync(connection);
                var since = Stopwatch.GetTimestamp();
                var ids = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => runs.SubmitAsync(Pipeline)));
                foreach (var id in ids)
                {
                    // One watcher at a time: a thousand would be the load.
                    states.Add(await EndOfAsync(runs, id, stop));
                }
                var took = Stopwatch.GetElapsedTime(since).TotalSeconds;
                var done = (await RedisFigures.OfAsync(connection)).Since(before);
                busy = busy.And(done);
                turns.Add(took, await PingsAsync(connection, done.Commands));
            }
            var (seconds, all, ratio) = (turns.Work, count * rounds, turns.OfReference.Rounded());
            var queued = handOver.Take();
            var clock = new Stopwatch();

            List<double> whole = [];
            for (var i = 0; i < single; i++)
            {
                clock.Restart();
                await EndOfAsync(runs, await runs.SubmitAsync(Pipeline), stop);
                whole.Add(clock.Elapsed.TotalMilliseconds);
            }
            var idle = handOver.Take();
            var rest = await RedisFigures.OfAsync(connection);
            await Task.Delay(s_rest, stop);
            rest = (await RedisFigures.OfAsync(connection)).Since(rest);
            foreach (var service in services)
            {
                await service.StopAsync(stop);
            }
            var (point, pointBytes) = await PointsAsync(connection);
            clock.Restart();
            var listed = (await runs.ListAsync()).Count;
            var list = clock.Elapsed.TotalMilliseconds / listed;
            var lost = states.Count(state => state?.Status != RunStatus.Succeeded);
            Console.WriteLine(
                $"{rounds} times {count} runs at once: {seconds:0.0} s, {lost} lost; hand-over p50 {Percentile(queued, 50):0} ms, "
                    + $"p99 {Percentile(queued, 99):0} ms. One after another: hand-over p99 {Percentile(idle, 99):0.0} ms, a run "
                    + $"p99 {Percentile(whole, 99):0} ms. Redis: {busy.Bytes / all:N0} bytes and {busy.Commands / all:N0} commands "
                    + $"a run, busy {busy.CpuSeconds / rounds / seconds:P0} of a core; at rest {rest.Commands / s_rest.TotalSeconds:N0} "
                    + $"commands a second, {rest.CpuSeconds / s_rest.TotalSeconds:P1}.");
            Console.WriteLine(JsonSerializer.Serialize(new
            {
                name = "queue",
                device = "cpu",
                runs = count,
                workers,
                coordinators,
                lost,
                seconds = Math.Round(seconds, 2),
                runs_per_second = Math.Round(count / seconds, 1),
                handover_p50_ms = Math.Round(Percentile(queued, 50), 1),
                handover_p99_ms = Math.Round(Percentile(queued, 99), 1),
                single_handover_p99_ms = Math.Round(Percentile(idle, 99), 1),
                single_run_p50_ms = Math.Round(Percentile(whole, 50), 1),
                single_run_p99_ms = Math.Round(Percentile(whole, 99), 1),
                redis_bytes_a_run = busy.Bytes / all,
                redis_commands_a_run = busy.Commands / all,
                redis_cpu_share = Math.Round(busy.CpuSeconds / rounds / seconds, 3),
                progress_point_text_bytes = point,
                progress_point_bytes = pointBytes,
                list_ms_a_run = Math.Round(list, 3),
                rest_commands_per_s = Math.Round(rest.Commands / s_rest.TotalSeconds, 1),
                rest_redis_cpu_share = Math.Round(rest.CpuSeconds / s_rest.TotalSeconds, 4),
                ratio = ratio.Median,
                ratio_least = ratio.Least,
                ratio_most = ratio.Most,
            }));
            return lost == 0 ? 0 : 1;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static async Task<IReadOnlyList<IHostedService>> ServicesAsync(
        Machines machines, int workers, int coordinators, LoraPaths paths)
    {
        var (store, digests, options) = (new ArtifactStore(paths.Store), new ContentDigests(paths), new StreamSettings());
        List<IHostedService> services = [Worker(await machines.ConnectAsync(), StageKinds.DataBuild, new DataBuildStage())];
        for (var i = 0; i < coordinators; i++)
        {
            var connection = await machines.ConnectAsync();
            services.Add(new InboxReader(connection, new Planner(store, digests), store, options, NullLogger<InboxReader>.Instance));
            services.Add(new Pulse(connection, options, NullLogger<Pulse>.Instance));
        }
        for (var i = 0; i < workers; i++)
        {
            services.Add(Worker(await machines.ConnectAsync(), StageKinds.Chat, new NothingToDo()));
        }
        return services;

        StageWorker Worker<TParams>(IConnectionMultiplexer connection, StageKind kind, IStage<TParams> stage) where TParams : StageParams =>
            new(kind, new StageAttempt<TParams>(stage, kind, store, digests, paths, NullLogger<StageAttempt<TParams>>.Instance), connection,
                options, NullLogger<StageWorker>.Instance);
    }

    private static async Task<RunState?> EndOfAsync(RunClient runs, string run, CancellationToken stop)
    {
        await foreach (var _ in runs.WatchAsync(run, stop))
        {
        }
        return await runs.GetAsync(run);
    }

    /// <summary>Of a point of a training's progress: its text, and what Redis holds for it.</summary>
    private static async Task<(int Text, long Held)> PointsAsync(IConnectionMultiplexer connection)
    {
        const int Points = 1000;
        var (redis, stream) = (connection.GetDatabase(), Keys.Progress("bench"));
        NameValueEntry[] Point(int step) => Entries.ToEntry(new ProgressPoint("bench", DateTimeOffset.UtcNow, "tune",
            new StageProgress("step", step, Points, TokensPerSecond: 20_311.4, EtaSeconds: 61.25)
            {
                Training = new(1.0625, null, 2.9e-4, 0.84375, 0.5, 1.09375, 262_144L * step),
                Gpu = new(0, "NVIDIA H100 80GB HBM3")
                {
                    MemoryUsed = 41_943_040_000,
                    MemoryTotal = 85_520_809_984,
                    Utilization = 99,
                    Temperature = 61,
                    PowerWatts = 671.25,
                    PowerLimitWatts = 700,
                },
            }));
        for (var step = 1; step <= Points; step++)
        {
            await redis.StreamAddAsync(stream, Point(step));
        }
        var held = (long)await redis.ExecuteAsync("MEMORY", "USAGE", stream, "SAMPLES", "0") / Points;
        await redis.KeyDeleteAsync(stream);
        return (Point(Points).Sum(field => field.Name.ToString().Length + field.Value.ToString().Length), held);
    }

    private static async Task<double> PingsAsync(IConnectionMultiplexer connection, long count)
    {
        var clock = Stopwatch.StartNew();
        for (var i = 0; i < count; i++)
        {
            await connection.GetDatabase().PingAsync();
        }
        return clock.Elapsed.TotalSeconds;
    }

    private static double Percentile(IReadOnlyList<double> values, int percent) =>
        values.Order().ElementAtOrDefault(Math.Min(values.Count - 1, (int)Math.Ceiling(values.Count * percent / 100.0) - 1));

    private sealed class NothingToDo : IStage<ChatParams>
    {
        public Task RunAsync(StageContext<ChatParams> context, CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
