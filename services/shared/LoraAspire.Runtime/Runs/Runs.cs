using System.Globalization;
using System.Runtime.CompilerServices;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Runtime.Runs;

/// <summary>Submits, cancels and follows runs. What CLI, dashboard and AppHost know of runs, they know through this.</summary>
public sealed class Runs(IConnectionMultiplexer connection, StreamOptions options)
{
    private IDatabase Redis => connection.GetDatabase();

    /// <summary>Checks the pipeline, then hands it to the coordinator. Returns the new run's id at once.</summary>
    /// <param name="file">The name under which errors speak of the YAML.</param>
    /// <exception cref="PipelineException">The pipeline is wrong; nothing was submitted.</exception>
    public async Task<string> SubmitAsync(string yaml, string file = "pipeline.yaml")
    {
        var parsed = PipelineParser.Parse(yaml, file);
        if (parsed.Pipeline is null)
        {
            throw new PipelineException(parsed.Errors);
        }
        var run = $"{DateTime.UtcNow.ToString("yyyyMMdd-HHmmss", CultureInfo.InvariantCulture)}-{Guid.NewGuid().ToString("N")[..4]}";
        await Redis.StreamAddAsync(Keys.Inbox, Entries.ToEntry<InboxMessage>(new SubmitRun(run, DateTimeOffset.UtcNow, file, yaml)));
        return run;
    }

    /// <summary>Asks for the run to stop. Cancelling what is over, or was never there, counts as done.</summary>
    public async Task CancelAsync(string run) =>
        await Redis.StreamAddAsync(Keys.Inbox, Entries.ToEntry<InboxMessage>(new CancelRun(run, DateTimeOffset.UtcNow)));

    /// <summary>All runs, the newest first.</summary>
    public async Task<IReadOnlyList<RunState>> ListAsync()
    {
        var ids = await Redis.SortedSetRangeByRankAsync(Keys.Runs, order: Order.Descending);
        return await Task.WhenAll(ids.Select(async id => await GetAsync(id.ToString()) ?? new RunState(id.ToString())));
    }

    /// <summary>The run's state now, or null when the coordinator knows no such run (yet).</summary>
    public async Task<RunState?> GetAsync(string run)
    {
        var log = await Redis.StreamRangeAsync(Keys.Run(run));
        return log.Length == 0 ? null : RunState.Fold(run, log.Select(Entries.Read<RunEvent>));
    }

    /// <summary>Every event from the first on, then live, to the end of the run.</summary>
    public async IAsyncEnumerable<RunEvent> WatchAsync(string run, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var entry in FollowAsync(Keys.Run(run), () => Task.FromResult(false), cancellationToken))
        {
            var happened = Entries.Read<RunEvent>(entry);
            yield return happened;
            if (happened is RunFinished)
            {
                yield break;
            }
        }
    }

    /// <summary>Every progress point that is kept, then live, to the end of the run.</summary>
    public async IAsyncEnumerable<(string StageId, StageProgress Progress, DateTimeOffset At)> FollowProgressAsync(
        string run, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await foreach (var entry in FollowAsync(Keys.Progress(run), () => IsOverAsync(run), cancellationToken))
        {
            var point = Entries.Read<ProgressPoint>(entry);
            yield return (point.Stage, point.Progress, point.At);
        }
    }

    /// <summary>What there is to read of a run: its events in words and its stages' messages. Goes on to the end of the run when told to follow.</summary>
    public async IAsyncEnumerable<LogLine> LogsAsync(string run, bool follow, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var (events, points, poll) = (Cursor(Keys.Run(run)), Cursor(Keys.Progress(run)), new PollDelay(options));
        while (true)
        {
            var over = !follow || await IsOverAsync(run);
            var lines = (await events()).Select(entry => LogLine.Of(Entries.Read<RunEvent>(entry)))
                .Concat((await points()).Select(entry => LogLine.Of(Entries.Read<ProgressPoint>(entry))))
                .OfType<LogLine>().OrderBy(line => line.At).ToList();
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
            await poll.WaitAsync(cancellationToken);
        }
    }

    private async IAsyncEnumerable<StreamEntry> FollowAsync(
        string stream, Func<Task<bool>> isOver, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (next, poll) = (Cursor(stream), new PollDelay(options));
        while (true)
        {
            // Asked before reading, so that what was written last is still read.
            var over = await isOver();
            var entries = await next();
            foreach (var entry in entries)
            {
                yield return entry;
            }
            if (entries.Length > 0)
            {
                poll.Reset();
            }
            else if (over)
            {
                yield break;
            }
            else
            {
                await poll.WaitAsync(cancellationToken);
            }
        }
    }

    private Func<Task<StreamEntry[]>> Cursor(string stream)
    {
        RedisValue last = "0-0";
        return async () =>
        {
            var entries = await Redis.StreamReadAsync(stream, last, count: 1000);
            last = entries.Length > 0 ? entries[^1].Id : last;
            return entries;
        };
    }

    private async Task<bool> IsOverAsync(string run) =>
        await Redis.StreamRangeAsync(Keys.Run(run), count: 1, messageOrder: Order.Descending) is [var last] && Entries.Read<RunEvent>(last) is RunFinished;
}
