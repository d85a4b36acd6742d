using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>
/// Submits, cancels and follows runs. What CLI, lab and AppHost know of runs, they know through this. An entry that can't be read is told
/// as such and passed over; following ends with a <see cref="RunLostException"/> when there is nothing left to follow.
/// </summary>
public sealed class RunClient(IConnectionMultiplexer connection, StreamSettings options)
{
    private const int LastEntries = 20;

    /// <summary>Enough that a thousand runs of one second have ids of their own: two submissions under one id would be one run.</summary>
    private const int RandomLetters = 8;

    private IDatabase Redis => connection.GetDatabase();

    /// <summary>Parses the pipeline, then hands it to the coordinator. Returns the new run's id at once.</summary>
    /// <param name="file">The name under which errors speak of the YAML.</param>
    /// <exception cref="PipelineException">The pipeline is wrong; nothing was submitted.</exception>
    public Task<string> SubmitAsync(string yaml, string file = "pipeline.yaml") => SubmitAsync(PipelineParser.Parse(yaml, file));

    /// <inheritdoc cref="SubmitAsync(string, string)"/>
    public async Task<string> SubmitAsync(ParsedPipeline parsed)
    {
        var pipeline = parsed.Required();
        var now = options.Now;
        var run = $"{now.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}-{Guid.NewGuid().ToString("N")[..RandomLetters]}";
        using var span = RunTrace.Submit(run, pipeline.Name);
        await Redis.StreamAddAsync(Keys.Inbox, Entries.ToEntry<InboxMessage>(new SubmitRun(run, now, parsed.File, parsed.Yaml)));
        return run;
    }

    /// <summary>Asks for the run to stop. Cancelling what is over, or was never there, counts as done.</summary>
    public async Task CancelAsync(string run) =>
        await Redis.StreamAddAsync(Keys.Inbox, Entries.ToEntry<InboxMessage>(new CancelRun(run, options.Now)));

    /// <summary>
    /// All runs, the newest first. One whose log can't be read at all is among them, as failed. Who asks time and again asks
    /// <see cref="RunBoard"/>.
    /// </summary>
    /// <param name="most">At most so many: each is a log to read.</param>
    public async Task<IReadOnlyList<RunState>> ListAsync(int? most = null) =>
        [.. (await Task.WhenAll((await IdsAsync(most)).Select(GetAsync))).OfType<RunState>()];

    /// <summary>The ids of all runs, the newest first.</summary>
    /// <param name="most">At most so many.</param>
    public async Task<IReadOnlyList<string>> IdsAsync(int? most = null) =>
    [
        .. (await Redis.SortedSetRangeByRankAsync(Keys.Runs, stop: (most ?? 0) - 1, order: Order.Descending))
            .Select(id => id.ToString()).Where(Identifiers.IsRun),
    ];

    /// <summary>The points of progress that are kept, in their order.</summary>
    /// <param name="last">Only so many of the newest.</param>
    public async Task<IReadOnlyList<ProgressPoint>> ProgressAsync(string run, int? last = null) =>
        [.. (await new StreamCursor(Redis, Keys.Progress(run), last).NextAsync()).Select(entry => ProgressPoint.Of(run, entry))];

    /// <summary>Removes all that Redis holds of a run that is over. What its stages made stays in the store.</summary>
    /// <returns>False where the run goes on, or its log grew meanwhile: nothing was removed. True of one that is gone already.</returns>
    public async Task<bool> RemoveAsync(string run)
    {
        var removal = Redis.CreateTransaction();
        try
        {
            var log = await RunRecord.ReadAsync(Redis, run);
            if (log.Length > 0 && !log.State.IsOver)
            {
                return false;
            }
            removal.AddCondition(Condition.StreamLengthEqual(Keys.Run(run), log.Length));
        }
        catch (RedisServerException error) when (!RedisAway.Is(error))
        {
            // What is no log at all doesn't grow.
        }
        // The key of its cancel stays until it expires: an order that nobody took yet may still stand in its stream.
        _ = removal.KeyDeleteAsync([Keys.Run(run), Keys.Progress(run)]);
        _ = removal.SortedSetRemoveAsync(Keys.Runs, run);
        _ = removal.HashDeleteAsync(Keys.Notes, run);
        return await removal.ExecuteAsync();
    }

    /// <summary>The run's state now, or null when the coordinator knows no such run (yet).</summary>
    public async Task<RunState?> GetAsync(string run)
    {
        try
        {
            var log = await RunRecord.ReadAsync(Redis, run);
            return log.State.Version == 0 ? null : log.State;
        }
        catch (RedisServerException error) when (!RedisAway.Is(error))
        {
            return RunRecord.Lost(run, error);
        }
    }

    /// <summary>What people wrote of it.</summary>
    public async Task<RunNote> NoteAsync(string run) =>
        (string?)await Redis.HashGetAsync(Keys.Notes, run) is { } json ? RunNote.Read(json) ?? RunNote.None : RunNote.None;

    /// <summary>Keeps this note in place of the last one; an empty one goes.</summary>
    /// <returns>False where there is no such run any more: nothing was kept.</returns>
    public async Task<bool> SetNoteAsync(string run, RunNote note)
    {
        var writing = Redis.CreateTransaction();
        writing.AddCondition(Condition.SortedSetContains(Keys.Runs, run));
        _ = note.IsEmpty ? writing.HashDeleteAsync(Keys.Notes, run) : writing.HashSetAsync(Keys.Notes, run, note.Json);
        return await writing.ExecuteAsync();
    }

    /// <summary>Who computes on these GPUs; those that nobody has are left out.</summary>
    /// <param name="cards">The driver's names.</param>
    public async Task<IReadOnlyDictionary<string, GpuHolder>> HoldersAsync(IReadOnlyList<string> cards) =>
        cards.Zip(await Redis.StringGetAsync([.. cards.Select(card => (RedisKey)Keys.Device(card))]),
                (card, text) => (Card: card, Holder: GpuHolder.Read(text.ToString())))
            .Where(one => one.Holder is not null).ToDictionary(one => one.Card, one => one.Holder!);

    /// <summary>The workers that live, coordinators too.</summary>
    public Task<IReadOnlyList<LivingWorker>> WorkersAsync() => LivingWorker.AllAsync(Redis, options);

    /// <summary>Stages of a run that no living worker can do, each with why.</summary>
    public async Task<IReadOnlyDictionary<string, NobodyCan>> WaitsAsync(RunState run)
    {
        if (run.Stages.TrueForAll(stage => stage.Status != StageStatus.Queued))
        {
            return new Dictionary<string, NobodyCan>();
        }
        var workers = await WorkersAsync();
        return run.Stages.Select(stage => (stage.Id, Why: NobodyCan.Of(stage, workers))).Where(stage => stage.Why is not null)
            .ToDictionary(stage => stage.Id, stage => stage.Why!);
    }

    /// <summary>Every event from the first on, then live, to the end of the run.</summary>
    /// <exception cref="RunLostException">The run is gone, or stands still without a coordinator.</exception>
    public async IAsyncEnumerable<RunEvent> WatchAsync(string run, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var entry in FollowAsync(run, Keys.Run(run), null, () => Task.FromResult(false), cancellationToken))
        {
            var happened = RunRecord.Event(run, entry);
            yield return happened;
            if (happened is RunFinished)
            {
                yield break;
            }
        }
    }

    /// <summary>
    /// Every progress point that is kept, then live, to the end of the run. Of a stream that is longer than it should be the oldest points
    /// are passed over.
    /// </summary>
    /// <exception cref="RunLostException">As <see cref="WatchAsync"/>.</exception>
    public IAsyncEnumerable<(string StageId, StageProgress Progress, DateTimeOffset At)> FollowProgressAsync(
        string run, CancellationToken cancellationToken = default) => FollowProgressAsync(run, null, cancellationToken);

    /// <inheritdoc cref="FollowProgressAsync(string, CancellationToken)"/>
    /// <param name="last">Of the points that are kept so many at most; null takes all.</param>
    public async IAsyncEnumerable<(string StageId, StageProgress Progress, DateTimeOffset At)> FollowProgressAsync(
        string run, int? last, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var entry in FollowAsync(
            run, Keys.Progress(run), last ?? options.ProgressLength, () => IsOverAsync(run), cancellationToken))
        {
            var point = ProgressPoint.Of(run, entry);
            yield return (point.Stage, point.Progress, point.At);
        }
    }

    /// <inheritdoc cref="LogsAsync(string, bool, int?, CancellationToken)"/>
    public IAsyncEnumerable<RunLogLine> LogsAsync(string run, bool follow, CancellationToken cancellationToken = default) =>
        LogsAsync(run, follow, null, cancellationToken);

    /// <summary>
    /// What there is to read of a run: its events in words and its stages' messages. Goes on to the end of the run when told to follow.
    /// </summary>
    /// <param name="last">Of the points that are kept so many at most: who shows no more needn't read more.</param>
    /// <exception cref="RunLostException">As <see cref="WatchAsync"/>, when following.</exception>
    public async IAsyncEnumerable<RunLogLine> LogsAsync(string run, bool follow, int? last,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (events, points) = (new StreamCursor(Redis, Keys.Run(run)), new StreamCursor(Redis, Keys.Progress(run), last));
        var (watch, poll) = (new RunWatch(Redis, options, run), new PollDelay(options));
        while (true)
        {
            var over = !follow || await AskAsync(run, () => IsOverAsync(run), cancellationToken);
            var lines =
                (await AskAsync(run, events.NextAsync, cancellationToken)).Select(entry => RunLogLine.Of(RunRecord.Event(run, entry)))
                .Concat((await AskAsync(run, points.NextAsync, cancellationToken))
                    .Select(entry => RunLogLine.Of(ProgressPoint.Of(run, entry))))
                .OfType<RunLogLine>().OrderBy(line => line.At).ToList();
            foreach (var line in lines)
            {
                yield return line;
            }
            if (over)
            {
                yield break;
            }
            if (lines.Count > 0)
            {
                poll.Reset();
            }
            else
            {
                await AskAsync(run, watch.RequireHopeAsync, cancellationToken);
            }
            await poll.WaitAsync(cancellationToken);
        }
    }

    private async IAsyncEnumerable<StreamEntry> FollowAsync(
        string run, string stream, int? last, Func<Task<bool>> isOver, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (cursor, watch, poll) = (new StreamCursor(Redis, stream, last), new RunWatch(Redis, options, run), new PollDelay(options));
        while (true)
        {
            // Asked before reading, so that what was written last is still read.
            var over = await AskAsync(run, isOver, cancellationToken);
            var entries = await AskAsync(run, cursor.NextAsync, cancellationToken);
            foreach (var entry in entries)
            {
                yield return entry;
            }
            if (entries.Count > 0)
            {
                poll.Reset();
            }
            else if (over)
            {
                yield break;
            }
            else
            {
                await AskAsync(run, watch.RequireHopeAsync, cancellationToken);
                await poll.WaitAsync(cancellationToken);
            }
        }
    }

    /// <summary>Who follows a run waits while Redis is started again.</summary>
    /// <exception cref="RunLostException">It has not answered for too long.</exception>
    private async Task<T> AskAsync<T>(string run, Func<Task<T>> ask, CancellationToken cancellationToken)
    {
        if (options.RedisLimit == TimeSpan.Zero)
        {
            return await ask();
        }
        Stopwatch? away = null;
        return await RedisAway.RetryAsync(ask, options, error =>
        {
            away ??= Stopwatch.StartNew();
            if (away.Elapsed > options.RedisLimit)
            {
                throw new RunLostException($"Redis has not answered for {away.Elapsed.TotalSeconds:0} s ({error.Message}), so nobody "
                    + $"hears of run {run}. It goes on by itself when Redis is back.");
            }
        }, cancellationToken);
    }

    /// <summary>Nobody of ours writes after the end; who else does shall not hide it.</summary>
    private async Task<bool> IsOverAsync(string run) =>
        (await Redis.StreamRangeAsync(Keys.Run(run), count: LastEntries, messageOrder: Order.Descending))
            .Any(entry => RunRecord.Event(run, entry) is RunFinished);
}
