using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>
/// All runs, folded once for everybody who asks. However many ask, Redis is looked at once a second, and of each log only what was added
/// is read; a run that is over isn't read again, unless the connection was lost meanwhile. While nobody asks, nothing is done.
/// </summary>
public sealed class RunBoard
{
    /// <summary>Between two looks.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Logs that are asked for at once: their answers lie in memory together.</summary>
    private const int AtOnce = 250;

    private readonly IConnectionMultiplexer _connection;
    private readonly StreamSettings _options;
    private readonly Lock _gate = new();
    private Dictionary<string, FoldedLog> _logs = [];
    private volatile bool _isDoubtful;
    private HashEntry[] _notes = [];
    private RunsNow _now = new([], new Dictionary<string, RunNote>(), []);
    private Task<RunsNow>? _look;
    private long _lookedAt;

    public RunBoard(IConnectionMultiplexer connection, StreamSettings options)
    {
        (_connection, _options) = (connection, options);
        // Behind it may be a Redis that was started anew and has lost the end of what it told. The client connects by itself, and holds
        // back what is asked meanwhile: a quick restart raises no error.
        connection.ConnectionRestored += (_, _) => _isDoubtful = true;
    }

    private IDatabase Redis => _connection.GetDatabase();

    /// <returns>The same object as the last time while nothing has changed.</returns>
    /// <exception cref="RedisException">Redis doesn't answer.</exception>
    public Task<RunsNow> LookAsync()
    {
        lock (_gate)
        {
            if (_look is null || (_look.IsCompleted && _options.Clock.GetElapsedTime(_lookedAt) >= Interval))
            {
                (_look, _lookedAt) = (Task.Run(ReadAsync), _options.Clock.GetTimestamp());
            }
            return _look;
        }
    }

    private async Task<RunsNow> ReadAsync()
    {
        if (_isDoubtful)
        {
            (_isDoubtful, _logs) = (false, []);
        }
        var ids = (await Redis.SortedSetRangeByRankAsync(Keys.Runs, order: Order.Descending))
            .Select(id => id.ToString()).Where(Identifiers.IsRun).ToList();
        _logs = ids.ToDictionary(id => id, id => _logs.GetValueOrDefault(id) ?? new FoldedLog(Redis, id));
        foreach (var some in _logs.Values.Where(log => !log.State.IsOver).Chunk(AtOnce))
        {
            await Task.WhenAll(some.Select(log => log.ReadOnAsync()));
        }
        List<RunState> runs = [.. ids.Select(id => _logs[id].State).Where(run => run.Version > 0)];
        var notes = await Redis.HashGetAllAsync(Keys.Notes);
        var workers = await LivingWorker.AllAsync(Redis, _options);
        RunsNow now = new(
            runs.SequenceEqual(_now.Runs, ReferenceEqualityComparer.Instance) ? _now.Runs : runs,
            notes.SequenceEqual(_notes) ? _now.Notes : Read(notes),
            workers.Select(worker => worker.Name).SequenceEqual(_now.Workers.Select(worker => worker.Name)) ? _now.Workers : workers);
        _notes = notes;
        return _now = now == _now ? _now : now;
    }

    private static Dictionary<string, RunNote> Read(HashEntry[] notes) =>
        notes.Select(entry => (Run: entry.Name.ToString(), Note: RunNote.Read(entry.Value.ToString())))
            .Where(entry => entry.Note is not null).ToDictionary(entry => entry.Run, entry => entry.Note!);

    /// <summary>A run's log as far as it was read.</summary>
    private sealed class FoldedLog(IDatabase redis, string run)
    {
        private const int Page = 1000;
        private StreamEntry? _last;

        public RunState State { get; private set; } = new(run);

        public async Task ReadOnAsync()
        {
            try
            {
                while (await PageAsync() == Page)
                {
                }
            }
            catch (RedisServerException error) when (!RedisAway.Is(error))
            {
                State = RunRecord.Lost(run, error);
            }
        }

        /// <summary>Reads from the last known entry on: where another stands in its place, the log is told anew from its start.</summary>
        private async Task<int> PageAsync()
        {
            var page = await redis.StreamRangeAsync(Keys.Run(run), _last?.Id ?? "-", "+", Page);
            if (_last is { } last && !(page is [var first, ..] && first.Id == last.Id && first.Values.SequenceEqual(last.Values)))
            {
                (_last, State) = (null, new(run));
                page = await redis.StreamRangeAsync(Keys.Run(run), "-", "+", Page);
            }
            foreach (var entry in _last is null ? page : page[1..])
            {
                State = State.Apply(RunRecord.Event(run, entry)) with { Version = RunRecord.Number(entry.Id) };
            }
            _last = page.Length > 0 ? page[^1] : null;
            return page.Length;
        }
    }
}
