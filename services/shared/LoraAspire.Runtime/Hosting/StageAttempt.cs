using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Terminal;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Runtime.Streams;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>One attempt: inputs by digest → the stage, on a thread of its own → outputs in the store.</summary>
public sealed class StageAttempt<TParams>(
    IStage<TParams> stage, StageKind kind, ArtifactStore store, ContentDigests digests, LoraPaths paths,
    ILogger<StageAttempt<TParams>> log) where TParams : StageParams
{
    /// <summary>The outcome to tell, or null when there is nobody to tell it for: the order was lost or the process stops.</summary>
    public async Task<InboxMessage?> RunAsync(StageOrder order, string worker, IProgress<StageProgress> progress, Heartbeat heart)
    {
        using var timeout = new StageTimeout(order.TimeoutSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(heart.Token, timeout.Token);
        var scratch = Path.Combine(store.StageScratch(order.Run, order.Stage), $"{order.Attempt}-{worker}");
        try
        {
            stop.Token.ThrowIfCancellationRequested();
            RemoveScratch(Path.GetDirectoryName(scratch)!);
            PrivateFolder.Create(scratch);
            var outputs = await Task.Factory.StartNew(() => Execute(order, scratch, progress, stop.Token),
                stop.Token, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            return new AttemptFinished(order.Run, DateTimeOffset.UtcNow, order.Stage, order.Attempt, outputs);
        }
        catch (Exception error)
        {
            if (heart.State == LeaseState.Lost || (heart.Stopping && error is OperationCanceledException))
            {
                return null;
            }
            var (cause, words) = heart.State == LeaseState.Cancelled ? (FailureCause.Cancelled, "cancelled")
                : timeout.HasPassed ? (FailureCause.Timeout, $"ran longer than its timeout of {Duration.OfSeconds(order.TimeoutSeconds!.Value)}")
                : Failure.Of(error);
            log.LogError(error, "{Stage} failed: {Words}", order.Stage, words);
            return new AttemptFailed(order.Run, DateTimeOffset.UtcNow, order.Stage, order.Attempt, cause, words);
        }
        finally
        {
            RemoveScratch(scratch);
        }
    }

    private IReadOnlyDictionary<string, string> Execute(StageOrder order, string scratch, IProgress<StageProgress> progress, CancellationToken stop)
    {
        using var inputs = StageInputs.Open(order, kind, store, digests, progress, stop);
        // Two runs may want the same stage at once, and a stale worker may still be writing checkpoints.
        using var turn = KeyLock.Take(store.CheckpointDir(order.Key) + ".lock", stop);
        var with = order.With.Deserialize<TParams>(Pipelines.StageKey.ParamsJson)!;
        if (kind.Cached && store.Cached(order.Key, kind, with, null, stop) is { } done)
        {
            return done;
        }
        var checkpoints = PrivateFolder.Create(store.CheckpointDir(order.Key));
        var context = new StageContext<TParams>(
            order.Run, order.Pipeline, order.Stage, order.Attempt, with, inputs.Folders, new DataRoot(paths.Data), scratch, checkpoints, progress)
        {
            CacheDir = store.StageCache(kind),
            InputDigests = order.Inputs.ToDictionary(input => input.Key, input => input.Value.Digest),
        };
        stage.RunAsync(context, stop).GetAwaiter().GetResult();
        stop.ThrowIfCancellationRequested();
        inputs.RequireUnchanged(stop);
        using var span = RunTrace.Part($"publish {order.Stage}", order);
        var outputs = Publish(order, scratch, with, stop);
        Directory.Delete(checkpoints, recursive: true);
        return outputs;
    }

    private IReadOnlyDictionary<string, string> Publish(StageOrder order, string scratch, TParams with, CancellationToken stop)
    {
        var outputs = new Dictionary<string, string>();
        foreach (var port in kind.Outputs.Where(port => with.Gives(port.Name)))
        {
            var folder = Path.Combine(scratch, "out", port.Name);
            if (!Directory.Exists(folder))
            {
                throw new StoreException($"{kind.Name} ended without writing its output '{port.Name}'.");
            }
            outputs[port.Name] = store.Publish(folder, port.Artifact, $"{kind.Name}@{kind.Version}", null, stop);
        }
        return kind.Cached ? store.Remember(order.Key, kind, with, outputs, stop) : outputs;
    }

    private void RemoveScratch(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
            {
                Directory.Delete(folder, recursive: true);
            }
        }
        catch (IOException error)
        {
            // A stale worker may still be writing there; the coordinator removes the run's scratch at its end.
            log.LogWarning("Scratch {Folder} stays for now: {Error}", folder, error.Message);
        }
    }
}
