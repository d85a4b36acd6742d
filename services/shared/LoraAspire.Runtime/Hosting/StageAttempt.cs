using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Runs;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Hosting;

/// <summary>One attempt: inputs by digest → the stage → outputs in the store.</summary>
public sealed class StageAttempt<TParams>(
    IStage<TParams> stage, StageKind kind, ArtifactStore store, ContentDigests digests, LoraPaths paths,
    ILogger<StageAttempt<TParams>> log) : IAttempt where TParams : StageParams
{
    /// <summary>On a thread of its own, so that a lease that is kept beside it never starves.</summary>
    public Task<IReadOnlyDictionary<string, string>> RunAsync(StageOrder order, string worker, string? gpus,
        IProgress<StageProgress> progress, CancellationToken stop) =>
        Task.Factory.StartNew(() => Execute(order, worker, progress, stop), stop, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    /// <summary>On this thread.</summary>
    public IReadOnlyDictionary<string, string> Execute(StageOrder order, string worker, IProgress<StageProgress> progress,
        CancellationToken stop)
    {
        stop.ThrowIfCancellationRequested();
        var with =
            order.With.Deserialize<TParams>(Pipelines.StageKey.ParamsJson) ?? throw new StageException("The order has no parameters.");
        using var inputs = StageInputs.Open(order, kind, store, digests, progress, stop);
        // Two runs may want the same stage at once, and the process of a stale worker may still be writing checkpoints.
        using var turn = KeyLock.Take(store.CheckpointDir(order.Key) + ".lock", stop);
        if (kind.Cached && store.Cached(order.Key, kind, with, null, stop) is { } done)
        {
            return done;
        }
        var scratch = Path.Combine(store.StageScratch(order.Run, order.Stage), $"{order.Attempt}-{worker}");
        try
        {
            // What dead attempts left; a live one would hold the lock.
            RemoveScratch(Path.GetDirectoryName(scratch)!);
            return Run(order, PrivateFolder.Create(scratch), with, inputs, progress, stop);
        }
        finally
        {
            RemoveScratch(scratch);
        }
    }

    private IReadOnlyDictionary<string, string> Run(StageOrder order, string scratch, TParams with, StageInputs inputs,
        IProgress<StageProgress> progress, CancellationToken stop)
    {
        var checkpoints = PrivateFolder.Create(store.CheckpointDir(order.Key));
        var context = new StageContext<TParams>(with, inputs.Folders, new DataRoot(paths.Data), scratch, checkpoints, progress)
        {
            PipelineName = order.Pipeline,
            Attempt = order.Attempt,
            CacheDir = store.StageCache(kind),
            InputDigests = order.Inputs.ToDictionary(input => input.Key, input => input.Value.Digest),
            FileDigests = input => inputs.FileDigests(input, stop),
        };
        stage.RunAsync(context, stop).GetAwaiter().GetResult();
        stop.ThrowIfCancellationRequested();
        inputs.RequireUnchanged(stop);
        using var span = RunTrace.Part($"publish {order.Stage}", order);
        var outputs = Publish(order, scratch, with, context.Digests, stop);
        Directory.Delete(checkpoints, recursive: true);
        return outputs;
    }

    private IReadOnlyDictionary<string, string> Publish(StageOrder order, string scratch, TParams with, WrittenDigests digests,
        CancellationToken stop)
    {
        var outputs = new Dictionary<string, string>();
        foreach (var port in kind.Outputs.Where(port => with.Gives(port.Name)))
        {
            var folder = Path.Combine(scratch, "out", port.Name);
            if (!Directory.Exists(folder))
            {
                throw new StoreException($"{kind.Name} ended without writing its output '{port.Name}'.");
            }
            outputs[port.Name] = store.Publish(folder, port.Artifact, $"{kind.Name}@{kind.Version}", digests, stop);
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
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A stale worker may still be writing there; the coordinator removes the run's scratch at its end.
            log.LogWarning("Scratch {Folder} stays for now: {Error}", folder, error.Message);
        }
    }
}
