using System.Diagnostics;
using System.Globalization;
using LoraAspire.Model;
using LoraAspire.Model.Weights;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// step-000500/ with state.json and state.safetensors (parameters, moments, in float16 the loss scale), and best-000400.safetensors, the
/// parameters of the best step. Written in the background from a copy on the host, beside their place, and renamed: what stands under its
/// name is whole. What has changed since it was written is set aside, and the one before it is used.
/// </summary>
/// <param name="keep">So many scheduled ones.</param>
/// <param name="isScheduled">Whether a step calls for one. A run that is stopped elsewhere has another beside them until a newer stands:
/// what it gives doesn't hang on where that was.</param>
/// <param name="scale">In float16.</param>
internal sealed class Checkpoints(string directory, int keep, Func<int, bool> isScheduled, ParameterSet parameters, AdamW optimiser,
    LossScale? scale = null) : IDisposable
{
    private const string Prefix = "step-";
    private const string StateJson = "state.json";
    private const string StateTensors = "state.safetensors";
    private const string Scale = "loss_scale";
    private const string Unfinished = ".tmp";
    private const long RoomForNames = 1 << 20; // headers, state.json, lines of metrics

    private const double UsualBytesPerSecond = 200e6;

    private readonly BackgroundWriter _writer = new();
    private double _bytesPerSecond = UsualBytesPerSecond;
    private (int Step, string Digest)? _best;

    /// <summary>Updates in the parameters of the newest checkpoint; 0 when there is none.</summary>
    public int Newest { get; private set; }

    /// <summary>Step of the newest one in this folder, as its name says; 0 when there is none.</summary>
    public static int NewestIn(string directory) => Folders(directory).Select(one => one.Step).FirstOrDefault();

    /// <summary>How many scheduled ones there are.</summary>
    public int Kept => Scheduled().Count();

    /// <summary>Keeps a checkpoint of this step, or its parameters as the best so far, or both. Returns when the copy is made.</summary>
    /// <param name="metrics">Brought to the disk first: a checkpoint counts on its lines.</param>
    /// <exception cref="StageException">The one before this had no room on the disk.</exception>
    public void Save(TrainingState state, bool checkpoint, bool best, MetricsLog metrics)
    {
        var copy = CheckpointCopy.Of(parameters, optimiser, scale);
        _writer.Begin(() =>
        {
            using (copy)
            {
                DiskSpace.Require(directory, (((checkpoint ? 3 : 0) + (best ? 1 : 0)) * copy.Bytes) + RoomForNames,
                    $"The checkpoint of step {state.Updates}");
                metrics.Flush();
                if (best)
                {
                    SafetensorsWriter.Write(Best(state.Step) + Unfinished, [TensorSource.Of("parameters", copy.Parameters)]);
                    _best = (state.Step, FileDigest.Of(Best(state.Step) + Unfinished));
                    Durable.Rename(Best(state.Step) + Unfinished, Best(state.Step));
                }
                if (checkpoint)
                {
                    var clock = Stopwatch.StartNew();
                    Write(state, copy);
                    _bytesPerSecond = 3 * copy.Bytes / clock.Elapsed.TotalSeconds;
                    Newest = state.Updates;
                    Rotate(state);
                }
            }
        });
    }

    /// <summary>
    /// Keeps a checkpoint of a run that stops. False when that takes longer than this: what is half written then is cleared by the next
    /// attempt.
    /// </summary>
    /// <exception cref="StageException">There is no room on the disk.</exception>
    /// <exception cref="IOException">It failed.</exception>
    public bool TrySave(TrainingState state, MetricsLog metrics, TimeSpan within)
    {
        var clock = Stopwatch.StartNew();
        var expected = TimeSpan.FromSeconds(3.0 * parameters.Values.numel() * sizeof(float) / _bytesPerSecond);
        if (!_writer.TryJoin(within) || clock.Elapsed + expected > within)
        {
            return false;
        }
        if (Newest < state.Updates)
        {
            Save(state, checkpoint: true, best: false, metrics);
        }
        return _writer.TryJoin(within - clock.Elapsed is var left && left > TimeSpan.Zero ? left : TimeSpan.Zero);
    }

    /// <summary>Waits for what is being written.</summary>
    /// <exception cref="IOException">It failed.</exception>
    public void Join() => _writer.Join();

    /// <exception cref="StageException">Its file was damaged. Another attempt goes on from a checkpoint that doesn't need it.</exception>
    public void LoadBest(int step)
    {
        _writer.Join();
        if (_best?.Step != step || _best?.Digest != FileDigest.Of(Best(step)))
        {
            throw new StageException($"{Best(step)}, the parameters of the best step, isn't what was written. Another attempt makes them "
                + "again from an earlier checkpoint.", transient: true);
        }
        using var file = SafetensorsFile.Open(Best(step));
        Restore(file, "parameters", parameters.Values);
    }

    /// <summary>
    /// Restores the newest checkpoint that is what was written, and sets damaged ones before it aside; without one, the start.
    /// </summary>
    public TrainingState Resume(Action<string> say)
    {
        foreach (var (_, folder) in Folders().ToList())
        {
            try
            {
                return Restored(folder);
            }
            catch (Exception error) when (IsDamage(error))
            {
                // It costs the steps since the one before it, not the run.
                SetAside(folder, error, say, "the one before it is used");
            }
        }
        return TrainingState.Start;
    }

    /// <summary>
    /// Puts the parameters of each scheduled checkpoint that is kept in their place, the oldest first, and those of now back in the end.
    /// What is no longer what was written is set aside instead.
    /// </summary>
    /// <param name="use">Gets the checkpoint's step.</param>
    public void Each(Action<int> use, Action<string> say)
    {
        using var noGrad = no_grad();
        using var now = parameters.Values.clone();
        foreach (var (step, folder) in Scheduled().Reverse().ToList())
        {
            try
            {
                Verified(folder);
                Restore(folder, ("parameters", parameters.Values));
            }
            catch (Exception error) when (IsDamage(error))
            {
                // Nothing makes it again: the run has gone past it, and what it ends with needs none of it.
                SetAside(folder, error, say, "its adapter is not given");
                continue;
            }
            use(step);
        }
        parameters.Values.copy_(now);
    }

    public void Dispose() => _writer.Dispose();

    private void Write(TrainingState state, CheckpointCopy copy)
    {
        var place = Path.Combine(directory, $"{Prefix}{state.Updates:D6}");
        var unfinished = place + Unfinished;
        Clear(unfinished);
        Directory.CreateDirectory(unfinished);
        SafetensorsWriter.Write(Path.Combine(unfinished, StateTensors),
            [TensorSource.Of("parameters", copy.Parameters), TensorSource.Of("mean", copy.Mean),
                TensorSource.Of("variance", copy.Variance),
                .. copy.Scale is null ? Array.Empty<TensorSource>() : [TensorSource.Of(Scale, copy.Scale)]]);
        CheckpointRecord record = new(state, FileDigest.Of(Path.Combine(unfinished, StateTensors)),
            FileDigest.OfStart(Path.Combine(directory, MetricsLog.FileName), state.MetricsBytes), state.BestStep is null ? null
                : _best!.Value.Digest);
        Durable.Write(Path.Combine(unfinished, StateJson), record.ToBytes());
        Clear(place);
        Durable.Rename(unfinished, place);
    }

    private TrainingState Restored(string folder)
    {
        var record = Verified(folder);
        var state = record.State;
        Require(record.Metrics, MetricsLog.FileName,
            () => FileDigest.OfStart(Path.Combine(directory, MetricsLog.FileName), state.MetricsBytes));
        if (state.BestStep is { } best)
        {
            Require(record.Best, Path.GetFileName(Best(best)), () => FileDigest.Of(Best(best)));
        }
        Restore(folder, ("parameters", parameters.Values), ("mean", optimiser.Mean), ("variance", optimiser.Variance));
        if (scale is not null)
        {
            Restore(folder, (Scale, scale.State));
        }
        optimiser.Steps = Newest = state.Updates;
        _best = state.BestStep is { } step ? (step, record.Best!) : null;
        return state;
    }

    /// <summary>What state.json says, once state.safetensors is what was written.</summary>
    private static CheckpointRecord Verified(string folder)
    {
        var record = CheckpointRecord.Read(Path.Combine(folder, StateJson));
        Require(record.Tensors, StateTensors, () => FileDigest.Of(Path.Combine(folder, StateTensors)));
        return record;
    }

    private static bool IsDamage(Exception error) => error is ModelException or IOException or InvalidDataException;

    private void SetAside(string folder, Exception error, Action<string> say, string instead)
    {
        var aside = Path.Combine(directory, $"damaged-{Path.GetFileName(folder)}-{Guid.NewGuid().ToString("N")[..4]}");
        Directory.Move(folder, aside);
        say($"The checkpoint {Path.GetFileName(folder)} is damaged: {error.Message}. It is set aside as {aside}, and {instead}.");
    }

    private static void Require(string? written, string name, Func<string> digest)
    {
        if (written != digest())
        {
            throw new InvalidDataException($"{name} isn't what was written");
        }
    }

    private static void Restore(string folder, params (string Name, Tensor Target)[] parts)
    {
        using var file = SafetensorsFile.Open(Path.Combine(folder, StateTensors));
        foreach (var (name, target) in parts)
        {
            Restore(file, name, target);
        }
    }

    private static void Restore(SafetensorsFile file, string name, Tensor target)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        target.copy_(file.Read(name));
    }

    /// <summary>
    /// An older checkpoint that is kept may name an older best step, and going on from it needs that one. One that is damaged needs nothing
    /// any more.
    /// </summary>
    private void Rotate(TrainingState latest)
    {
        foreach (var (_, old) in Folders().Skip(1).Except(Scheduled()).ToList())
        {
            Clear(old);
        }
        var named = Folders().Select(one => CheckpointRecord.TryRead(Path.Combine(one.Folder, StateJson))?.State.BestStep)
            .Append(latest.BestStep).OfType<int>().Select(Best).ToHashSet();
        foreach (var file in Directory.EnumerateFiles(directory, "best-*").Where(file => !named.Contains(file)).ToList())
        {
            File.Delete(file);
        }
    }

    /// <summary>Those that are kept, the newest first.</summary>
    private IEnumerable<(int Step, string Folder)> Scheduled() => Folders().Where(one => isScheduled(one.Step)).Take(keep);

    /// <summary>The newest first.</summary>
    private IEnumerable<(int Step, string Folder)> Folders() => Folders(directory);

    private static IEnumerable<(int Step, string Folder)> Folders(string directory) =>
        from folder in Directory.EnumerateDirectories(directory, Prefix + "*")
        let step = int.TryParse(Path.GetFileName(folder)[Prefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            ? number : 0 // unfinished
        where step > 0
        orderby step descending
        select (step, folder);

    private string Best(int step) => Path.Combine(directory, $"best-{step:D6}.safetensors");

    private static void Clear(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
