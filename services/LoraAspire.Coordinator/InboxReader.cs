using System.Collections.Concurrent;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Planning;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using StackExchange.Redis;

namespace LoraAspire.Coordinator;

/// <summary>
/// One inbox entry at a time: fold the run's log, decide, commit. An entry whose stages are still being planned is put aside and finished
/// beside the others. Nothing that an entry holds, and nothing that happens to it, ends the loop. Any number of coordinators may do so at
/// once.
/// </summary>
public sealed class InboxReader(
    IConnectionMultiplexer connection, Planner planner, ArtifactStore store, StreamSettings options, ILogger<InboxReader> log)
        : BackgroundService
{
    private const int MostAside = 10_000;

    private readonly ConcurrentDictionary<InboxEntry, Task> _aside = new();

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        var redis = connection.GetDatabase();
        var inbox = new ConsumerGroup(redis, Keys.Inbox, Keys.CoordinatorGroup, options);
        var plans = new Plans(planner.Plan, (run, stage) => new ProgressStream(redis, run, stage, options));
        var shared = new Coordination(new PipelineCache(planner.References), plans, new Announcement(store, log));
        var poll = new PollDelay(options);
        string? trouble = null;
        // Off the thread that starts the host.
        await Task.Yield();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                if (_aside.Count < MostAside && await inbox.TryReadAsync() is { } delivery)
                {
                    await HandleAsync(new InboxEntry(redis, inbox, delivery, shared, options, log), stoppingToken);
                    poll.Reset();
                    trouble = null;
                    continue;
                }
                trouble = null;
            }
            catch (Exception error)
            {
                // Not about any entry: the inbox can't be read. Said once.
                if (error.Message != trouble)
                {
                    log.LogWarning("The inbox can't be read, trying again: {Error}", trouble = error.Message);
                }
            }
            await poll.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        plans.Stop();
        await Task.WhenAll(_aside.Values);
    }

    /// <summary>Returns when the entry is done with, or put aside.</summary>
    private async Task HandleAsync(InboxEntry entry, CancellationToken stopping)
    {
        var handling = entry.HandleAsync(stopping);
        await Task.WhenAny(handling, entry.PutAside);
        if (!handling.IsCompleted)
        {
            _aside[entry] = handling;
            _ = handling.ContinueWith(_ => _aside.TryRemove(entry, out var _), TaskScheduler.Default);
        }
    }
}
