using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>
/// All runs, folded once for everybody who asks. However many ask, Redis is looked at once a second, and of each log only what was added
/// is read; a run that is over isn't read again. While nobody asks, nothing is done.
/// </summary>
public sealed class RunBoard(IConnectionMultiplexer connection, StreamSettings options)
{
    /// <summary>Between two looks.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);

    /// <summary>Logs that are asked for at once: their answers lie in memory together.</summary>
    private const int AtOnce = 250;

    private readonly Lock _gate = new();
    private Dictionary<string, FoldedLog> _logs = [];
    private HashEntry[] _notes = [];
    private RunsNow _now = new([], new Dictionary<string, RunNote>(), []);
    private Task<RunsNow>? _look;
    private long _lookedAt;

    private IDatabase Redis => connection.GetDatabase();

    /// <returns>The same object as the last time while nothing has changed.</returns>
    /// <exception cref="RedisException">Redis doesn't answer.</exception>
    public Task<RunsNow> LookAsync()
    {
        lock (_gate)
        {
            if (_look is null || (_look.IsCompleted && options.Clock.GetElapsedTime(_lookedAt) >= Interval))
            {
                (_look, _lookedAt) = (Task.Run(ReadAsync), options.Clock.GetTimestamp());
            }
            return _look;
        }
    }

    private async Task<RunsNow> ReadAsync()
    {
        try
        {
            var ids = (await Redis.SortedSetRangeByRankAsync(Keys.Runs, order: Order.Descending))
                .Select(id => id.ToString()).Where(Identifiers.IsRun).ToList();
            _logs = ids.ToDictionary(id => id, id => _logs.GetValueOrDefault(id) ?? new FoldedLog(Redis, id));
            foreach (var some in _logs.Values.Where(log => !log.State.IsOver).Chunk(AtOnce))
            {
                await Task.WhenAll(some.Select(log => log.ReadOnAsync()));
            }
            List<RunState> runs = [.. ids.Select(id => _logs[id].State).Where(run => run.Version > 0)];
            var notes = await Redis.HashGetAllAsync(Keys.Notes);
            var workers = await LivingWorker.AllAsync(Redis, options);
            RunsNow now = new(
                runs.SequenceEqual(_now.Runs, ReferenceEqualityComparer.Instance) ? _now.Runs : runs,
                notes.SequenceEqual(_notes) ? _now.Notes : Read(notes),
                workers.Select(worker => worker.Name).SequenceEqual(_now.Workers.Select(worker => worker.Name)) ? _now.Workers : workers);
            _notes = notes;
            return _now = now == _now ? _now : now;
        }
        catch
        {
            // A Redis that comes back may have lost the end of what it told.
            _logs = [];
            throw;
        }
    }

    private static Dictionary<string, RunNote> Read(HashEntry[] notes) =>
        notes.Select(entry => (Run: entry.Name.ToString(), Note: RunNote.Read(entry.Value.ToString())))
            .Where(entry => entry.Note is not null).ToDictionary(entry => entry.Run, entry => entry.Note!);

    /// <summary>A run's log as far as it was read.</summary>
    private sealed class FoldedLog(IDatabase redis, string run)
    {
        private readonly StreamCursor _cursor = new(redis, Keys.Run(run));

        public RunState State { get; private set; } = new(run);

        public async Task ReadOnAsync()
        {
            try
            {
                foreach (var entry in await _cursor.NextAsync())
                {
                    State = State.Apply(RunRecord.Event(run, entry)) with { Version = RunRecord.Number(entry.Id) };
                }
            }
            catch (RedisServerException error) when (!RedisAway.Is(error))
            {
                State = RunRecord.Lost(run, error);
            }
        }
    }
}
