using LoraAspire.Coordinator;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Planning;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;
[assembly: CollectionBehavior(CollectionBehavior.CollectionPerAssembly)]
[assembly: AssemblyFixture(typeof(LoraAspire.RedisTests.RedisServer))]

namespace LoraAspire.RedisTests;

/// <summary>What a stage of a test does; the rest around it is the real thing.</summary>
public delegate Task Work<TParams>(StageContext<TParams> context, CancellationToken stop) where TParams : StageParams;

/// <summary>An empty Redis, an empty store, a models folder with one small model, and the services a test starts.</summary>
public sealed class Installation : IAsyncDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("lora-redis-tests-").FullName;
    private readonly List<IHostedService> _services = [];

    public Installation(RedisServer server)
    {
        Connection = server.Connection;
        if (Connection.Configuration.Contains("allowAdmin=True", StringComparison.Ordinal))
        {
            Connection.GetServers()[0].FlushAllDatabases();
        }
        Paths = new(_root, Path.Combine(_root, "store"), _root, Path.Combine(_root, "models"));
        Directory.CreateDirectory(Path.Combine(Paths.Models, "tiny"));
        File.WriteAllText(Path.Combine(Paths.Models, "tiny", "config.json"), "{}");
        Store = new(Paths.Store);
    }

    public IConnectionMultiplexer Connection { get; }
    public IDatabase Redis => Connection.GetDatabase();
    public LoraPaths Paths { get; }
    public ArtifactStore Store { get; }
    public RunClient Runs => new(Connection, Options);

    /// <summary>Who hears what the services log.</summary>
    public ILoggerFactory Logs { get; init; } = NullLoggerFactory.Instance;

    public StreamSettings Options { get; init; } = new()
    {
        Heartbeat = TimeSpan.FromMilliseconds(60),
        IdleLimit = TimeSpan.FromMilliseconds(400),
        PollMax = TimeSpan.FromMilliseconds(20),
        Patience = TimeSpan.FromMinutes(1),
        LearnClasses = TimeSpan.FromMilliseconds(50),
        SignOfLife = TimeSpan.FromMilliseconds(200),
    };

    /// <summary>One data-build stage; <paramref name="policy"/> adds retries or a timeout.</summary>
    public static string OneStage(string name = "Pebble", string policy = "") => $$"""
        name: test
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:tiny }
            with: { sources: [ { self_cognition: { name: {{name}}, developer: us } } ] }
        {{(policy == "" ? "" : "    " + policy)}}
        """;

    public async Task<IHostedService> StartCoordinatorAsync() => await StartAsync(new InboxReader(
        Connection, new Planner(Store, new ContentDigests(Paths)), Store, Options, Logs.CreateLogger<InboxReader>()));

    public Task<IHostedService> StartPulseAsync() => StartAsync(new Pulse(Connection, Options, Logs.CreateLogger<Pulse>()));

    public Task<IHostedService> StartDataBuildAsync(Work<DataBuildParams> work) => StartWorkerAsync(StageKinds.DataBuild, work);

    public async Task<IHostedService> StartWorkerAsync<TParams>(StageKind kind, Work<TParams> work, UntilIdle? until = null,
        WorkerGpus? machine = null, GpuClaims? gpus = null)
        where TParams : StageParams =>
        await StartAsync(new StageWorker(kind, Attempt(kind, work), Connection, Options, Logs.CreateLogger<StageWorker>(), until,
            machine, gpus));

    public StageAttempt<TParams> Attempt<TParams>(StageKind kind, Work<TParams> work) where TParams : StageParams =>
        new(new Stage<TParams>(work), kind, Store, new ContentDigests(Paths), Paths, Logs.CreateLogger<StageAttempt<TParams>>());

    /// <summary>The run's state once it is over.</summary>
    public async Task<RunState> EndOfAsync(string run)
    {
        await foreach (var _ in Runs.WatchAsync(run, Soon))
        {
        }
        return (await Runs.GetAsync(run))!;
    }

    /// <summary>The first event of this kind.</summary>
    public async Task<TEvent> FirstAsync<TEvent>(string run) where TEvent : RunEvent =>
        (TEvent)await Runs.WatchAsync(run, Soon).FirstAsync(happened => happened is TEvent);

    /// <summary>Done when everything in a stream has been dealt with.</summary>
    public async Task EmptyAsync(string stream)
    {
        var poll = new PollDelay(Options);
        while (await Redis.StreamLengthAsync(stream) > 0)
        {
            await poll.WaitAsync(Soon);
        }
    }

    /// <summary>Done when so many orders wait for a worker of this kind.</summary>
    public async Task OrderedAsync(StageKind kind, int orders)
    {
        var poll = new PollDelay(Options);
        while (await Redis.StreamLengthAsync(Keys.Work(kind.Name)) < orders)
        {
            await poll.WaitAsync(Soon);
        }
    }

    public Task TellAsync(InboxMessage message) => Redis.StreamAddAsync(Keys.Inbox, Entries.ToEntry(message));

    /// <summary>Far beyond what anything here takes, so that a hang is a failure.</summary>
    public static CancellationToken Soon => new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token;

    public static Task WriteDataset(StageContext<DataBuildParams> context, CancellationToken stop) =>
        File.WriteAllTextAsync(Path.Combine(context.OutputDir("dataset"), "dataset.json"),
            ((SelfCognitionSource)context.With.Sources[0].Only!).Name, stop);

    public async ValueTask DisposeAsync()
    {
        foreach (var service in _services)
        {
            await service.StopAsync(CancellationToken.None);
        }
        Directory.Delete(_root, recursive: true);
    }

    private async Task<IHostedService> StartAsync(IHostedService service)
    {
        await service.StartAsync(CancellationToken.None);
        _services.Add(service);
        return service;
    }

    private sealed class Stage<TParams>(Work<TParams> work) : IStage<TParams> where TParams : StageParams
    {
        public Task RunAsync(StageContext<TParams> context, CancellationToken cancellationToken) => work(context, cancellationToken);
    }
}
