using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LoraAspire.Coordinator;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace LoraAspire.RedisTests.Protocol;

/// <summary>
/// Coordinators and workers as they are, each of whose commands to the real Redis waits for its turn. A lease is out whenever somebody
/// looks: nothing is assumed of time.
/// </summary>
internal sealed class World(IDatabase redis, int seed)
{
    public const string Pipeline = """
        name: model
        stages:
          - id: left
            uses: data-build
            inputs: { base: model:tiny }
            with: { sources: [ { self_cognition: { name: Y, developer: D } } ] }
            retries: 1
          - id: right
            uses: data-build
            inputs: { base: model:tiny }
            with: { sources: [ { self_cognition: { name: Z, developer: D } } ] }
          - id: tune
            uses: trainer
            inputs: { dataset: left.dataset, base: model:tiny }
            retries: 2
        """;

    private const int MostTurns = 5000;
    private static readonly TimeSpan Never = TimeSpan.FromDays(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Instant = TimeSpan.FromMilliseconds(3);
    /// <summary>To a store that takes nothing: a file can't hold folders.</summary>
    private static readonly Announcement Silent = new(new ArtifactStore("/dev/null/store"), NullLogger.Instance);
    private static readonly StreamSettings Options =
        new() { Heartbeat = Never, PlanningMoment = TimeSpan.FromMilliseconds(2), MaxDeliveries = int.MaxValue };

    private readonly Random _chance = new(seed);
    private readonly List<Flow> _flows = [];
    private readonly ConcurrentQueue<TaskCompletionSource> _plans = new();
    private readonly List<string> _runs = [];
    private readonly HashSet<string> _cancelled = [];
    private volatile bool _draining;
    private int _commands;

    private IReadOnlyList<Flow> Standing => [.. _flows.Where(flow => !flow.Actor.Dead && flow.Stands)];

    public async Task SubmitAsync()
    {
        var run = $"run-{_runs.Count + 1}";
        _runs.Add(run);
        await CommandAsync(new SubmitRun(run, DateTimeOffset.UtcNow, "model.yaml", Pipeline));
    }

    public async Task CancelAsync(int which)
    {
        _cancelled.Add(_runs[which % _runs.Count]);
        await CommandAsync(new CancelRun(_runs[which % _runs.Count], DateTimeOffset.UtcNow));
    }

    /// <param name="steals">Takes what others hold, as if their leases were out; else only what is new.</param>
    public Task StartCoordinatorAsync(bool steals)
    {
        var actor = new Actor("coordinator");
        return StartAsync(actor, gated => CoordinateAsync(actor, gated, steals));
    }

    /// <param name="steals">As above.</param>
    public Task StartWorkerAsync(StageKind kind, bool steals) =>
        StartAsync(new Actor(kind.Name), (gated, flow) => WorkAsync(gated, flow, kind, steals));

    /// <summary>One command of somebody who stands before one.</summary>
    public async Task TurnAsync(int which)
    {
        if (Standing is { Count: > 0 } standing)
        {
            var flow = standing[which % standing.Count];
            flow.LetPass();
            await SettleAsync(flow);
        }
    }

    /// <summary>It issues no command any more, and whatever it holds is left lying.</summary>
    public void Kill(int which)
    {
        if (_flows.Select(flow => flow.Actor).Where(actor => !actor.Dead).Distinct().ToList() is { Count: > 0 } alive)
        {
            alive[which % alive.Count].Dead = true;
        }
    }

    /// <summary>The oldest of the plans that take long is made.</summary>
    public async Task PlanAsync()
    {
        if (_plans.TryDequeue(out var plan))
        {
            plan.SetResult();
            await Task.WhenAll(
                _flows.Where(flow => flow.MayWait.IsCompleted && !flow.Stands && !flow.Work.IsCompleted).Select(SettleAsync));
        }
    }

    /// <summary>All die, and others who live bring everything to its end.</summary>
    public async Task DrainAsync()
    {
        _draining = true;
        _flows.ForEach(flow => flow.Actor.Dead = true);
        while (!_plans.IsEmpty)
        {
            await PlanAsync();
        }
        await StartCoordinatorAsync(steals: true);
        await StartWorkerAsync(StageKinds.DataBuild, steals: true);
        await StartWorkerAsync(StageKinds.Trainer, steals: true);
        for (var turn = 0; turn < MostTurns; turn++)
        {
            await TurnAsync(turn);
            if (turn % 8 == 0 && await IsQuietAsync())
            {
                return;
            }
        }
        throw new InvalidOperationException($"After {MostTurns} commands of living readers something still waits.");
    }

    /// <summary>What must hold whatever happened.</summary>
    public async Task CheckAsync()
    {
        Require(await redis.StreamLengthAsync(Keys.Dead) == 0, "nothing is buried");
        var queued = 0;
        foreach (var run in _runs)
        {
            var entries = await redis.StreamRangeAsync(Keys.Run(run));
            Require(entries.Select(entry => entry.Id.ToString()).SequenceEqual(Enumerable.Range(1, entries.Length).Select(n => $"{n}-0")),
                $"the log of {run} has no gap");
            List<RunEvent> events = [.. entries.Select(Entries.Read<RunEvent>)];
            queued += events.OfType<StageQueued>().Count();
            CheckRun(run, events);
        }
        var orders = await AddedAsync(Keys.Work("data-build")) + await AddedAsync(Keys.Work("trainer"));
        Require(orders == queued, $"each queued attempt has one order: {queued} and {orders}");
        var outcomes = await AddedAsync(Keys.Inbox) - _commands - _flows.Sum(flow => flow.Added);
        Require(outcomes == orders, $"each order was finished by one owner: {orders} orders, {outcomes} outcomes");
    }

    private void CheckRun(string run, List<RunEvent> events)
    {
        Require(events.Count(happened => happened is RunSubmitted) == 1 && events[0] is RunSubmitted, $"{run} was submitted once");
        Require(events.Count(happened => happened is RunFinished) == 1 && events[^1] is RunFinished, $"{run} ended, once");
        foreach (var stage in events.OfType<StageEvent>().GroupBy(happened => happened.Stage))
        {
            Require(stage.OfType<StageQueued>().Select(queued => queued.Attempt)
                .SequenceEqual(Enumerable.Range(1, stage.OfType<StageQueued>().Count())), $"attempts of {stage.Key} are counted");
            Require(stage.Count(happened => happened is StageFinished or StageCached or StageCancelled) <= 1,
                $"{stage.Key} of {run} ends once");
            foreach (var attempt in stage.OfType<StageFailed>().GroupBy(failed => failed.Attempt))
            {
                Require(attempt.Count() == 1, $"attempt {attempt.Key} of {stage.Key} fails once");
            }
        }
        var cancelling = events.FindIndex(happened => happened is RunCancelling);
        Require(cancelling < 0 || !events.Skip(cancelling).Any(happened => happened is StageQueued or StageCached),
            $"nothing of {run} is dispatched after its cancel");
        var state = RunState.Fold(run, events);
        var failed = events.OfType<StageFailed>().Any();
        Require(state.Status switch
        {
            RunStatus.Succeeded => state.Stages.All(stage => stage.Status == StageStatus.Succeeded),
            RunStatus.Failed => state.Stages.Any(stage => stage.Status == StageStatus.Failed) && failed,
            RunStatus.Cancelled => _cancelled.Contains(run) && state.Stages.All(stage => !stage.InFlight),
            _ => false,
        }, $"{run} ended as {state.Status} with {string.Join(", ", state.Stages.Select(stage => $"{stage.Id} {stage.Status}"))}");
    }

    private async Task CoordinateAsync(Actor actor, IDatabase gated, bool steals)
    {
        var inbox = new ConsumerGroup(gated, Keys.Inbox, Keys.CoordinatorGroup, Options, steals ? TimeSpan.Zero : Never);
        var shared = new Coordination(new PipelineCache(null), new Plans(Plan, (_, _) => new Progress<StageProgress>()), Silent);
        while (true)
        {
            if (await inbox.TryReadAsync() is { } delivery)
            {
                await StartAsync(actor, (own, flow) =>
                {
                    var entry = new InboxEntry(own, inbox, delivery, shared, Options, NullLogger.Instance);
                    flow.MayWait = entry.PutAside;
                    return entry.HandleAsync(CancellationToken.None);
                });
            }
        }
    }

    private async Task WorkAsync(IDatabase gated, Flow flow, StageKind kind, bool steals)
    {
        var group = new ConsumerGroup(gated, Keys.Work(kind.Name), Keys.WorkerGroup, Options, steals ? TimeSpan.Zero : Never);
        while (true)
        {
            if (await group.TryReadAsync() is { } delivery)
            {
                await new WorkEntry(gated, group, delivery, kind, new AttemptOfChance(this, flow), Options, NullLogger.Instance)
                    .HandleAsync(CancellationToken.None);
            }
        }
    }

    private Task StartAsync(Actor actor, Func<IDatabase, Task> work) => StartAsync(actor, (gated, _) => work(gated));

    private async Task StartAsync(Actor actor, Func<IDatabase, Flow, Task> work)
    {
        var flow = new Flow(actor);
        lock (_flows)
        {
            _flows.Add(flow);
        }
        flow.Work = work(GatedRedis.Of(redis, flow), flow);
        await SettleAsync(flow);
    }

    /// <summary>Until it stands before its next command, is done, or waits for a plan.</summary>
    private static async Task SettleAsync(Flow flow)
    {
        var first = await Task.WhenAny(flow.Arrived, flow.Work, flow.MayWait).WaitAsync(Patience);
        if (first == flow.MayWait && !flow.Stands)
        {
            await Task.WhenAny(flow.Arrived, flow.Work, Task.Delay(Instant));
        }
        if (flow.Work.IsFaulted)
        {
            await flow.Work;
        }
    }

    private StagePlan Plan(PlanRequest request, IProgress<HashProgress>? progress, CancellationToken stop)
    {
        var (spec, luck) = (request.Stage, Next());
        if (!_draining && luck % 3 == 0)
        {
            var made = new TaskCompletionSource();
            _plans.Enqueue(made);
            made.Task.Wait(stop);
        }
        var key = Digest(spec.Id);
        if (spec.Id == "right" && luck % 4 == 0)
        {
            return new AlreadyDone(key, Outputs(spec.Kind));
        }
        return new MustRun(new StageOrder(request.State.Id, DateTimeOffset.UtcNow, spec.Id, request.Key.Attempt)
        {
            Pipeline = request.Pipeline.Name,
            Kind = spec.Kind.Name,
            Key = key,
            With = JsonSerializer.SerializeToElement(spec.With, spec.Kind.Params, StageKey.ParamsJson),
            Inputs = new Dictionary<string, InputArtifact>(),
            DataFiles = new Dictionary<string, string>(),
        });
    }

    private int Next()
    {
        lock (_chance)
        {
            return _chance.Next(100);
        }
    }

    private Task CommandAsync(InboxMessage message)
    {
        _commands++;
        return redis.StreamAddAsync(Keys.Inbox, Entries.ToEntry(message));
    }

    private async Task<bool> IsQuietAsync() =>
        await redis.StreamLengthAsync(Keys.Inbox) == 0 && await redis.StreamLengthAsync(Keys.Work("data-build")) == 0
            && await redis.StreamLengthAsync(Keys.Work("trainer")) == 0;

    private async Task<long> AddedAsync(string stream) => await redis.KeyExistsAsync(stream)
        ? (long)((RedisResult[])(await redis.ExecuteAsync("XINFO", "STREAM", stream))!).Chunk(2)
            .First(pair => (string?)pair[0] == "entries-added")[1]
        : 0;

    private static void Require(bool holds, string what)
    {
        if (!holds)
        {
            throw new InvalidOperationException($"It doesn't hold that {what}.");
        }
    }

    private static Dictionary<string, string> Outputs(StageKind kind) => new() { [kind.Outputs[0].Name] = Digest(kind.Name) };

    private static string Digest(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));

    /// <summary>Work that takes one turn, and then finishes, fails or dies by chance.</summary>
    private sealed class AttemptOfChance(World world, Flow flow) : IAttempt
    {
        public async Task<IReadOnlyDictionary<string, string>> RunAsync(StageOrder order, string worker, string? gpus,
            IProgress<StageProgress> progress, CancellationToken stop)
        {
            await flow.PassAsync();
            stop.ThrowIfCancellationRequested();
            return (world._draining ? 0 : world.Next()) switch
            {
                < 65 => Outputs(StageKinds.Find(order.Kind)!),
                < 80 => throw new AttemptFailedException(FailureCause.Transient, "by chance"),
                < 92 => throw new AttemptDiedException("by chance"),
                _ => throw new AttemptFailedException(FailureCause.Permanent, "by chance"),
            };
        }
    }
}
