using System.Text.Json;
using LoraAspire.Model;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// step-000500/ with state.json and state.safetensors (parameters, moments), and best-000400.safetensors, the parameters of the best step. Written in the background from a
/// copy on the host, beside their place, and renamed: what stands under its name is whole.
/// </summary>
public sealed class Checkpoints(string directory, int keep, ParameterSet parameters, AdamW optimiser) : IDisposable
{
    private const string StateJson = "state.json";
    private const string StateTensors = "state.safetensors";
    private const string Unfinished = ".tmp";

    private readonly BackgroundWriter _writer = new();

    /// <summary>Keeps a checkpoint of this step, or its parameters as the best so far, or both. Returns when the copy is made.</summary>
    /// <param name="metrics">Brought to the disk first: a checkpoint counts on its lines.</param>
    public void Save(TrainingState state, bool checkpoint, bool best, MetricsLog metrics)
    {
        var copy = Snapshot.Of(parameters, optimiser);
        _writer.Begin(() =>
        {
            using (copy)
            {
                metrics.Flush();
                if (best)
                {
                    SafetensorsWriter.Write(Best(state.Step) + Unfinished, [TensorSource.Of("parameters", copy.Parameters)]);
                    Durable.Rename(Best(state.Step) + Unfinished, Best(state.Step));
                }
                if (checkpoint)
                {
                    Write(state, copy);
                    Rotate(state);
                }
            }
        });
    }

    /// <summary>Waits for what is being written.</summary>
    /// <exception cref="IOException">It failed.</exception>
    public void Join() => _writer.Join();

    public void LoadBest(int step)
    {
        _writer.Join();
        using var file = SafetensorsFile.Open(Best(step));
        Restore(file, "parameters", parameters.Values);
    }

    /// <summary>Restores the newest checkpoint that is whole and removes damaged ones before it; without one, the start.</summary>
    public TrainingState Resume()
    {
        foreach (var folder in Folders().ToList())
        {
            if (TryRestore(folder) is { } state)
            {
                return state;
            }
            Clear(folder);
        }
        return TrainingState.Start;
    }

    public void Dispose() => _writer.Dispose();

    private void Write(TrainingState state, Snapshot copy)
    {
        var place = Path.Combine(directory, $"step-{state.Step:D6}");
        var unfinished = place + Unfinished;
        Clear(unfinished);
        Directory.CreateDirectory(unfinished);
        SafetensorsWriter.Write(Path.Combine(unfinished, StateTensors),
            [TensorSource.Of("parameters", copy.Parameters), TensorSource.Of("mean", copy.Mean), TensorSource.Of("variance", copy.Variance)]);
        Durable.Write(Path.Combine(unfinished, StateJson), JsonSerializer.SerializeToUtf8Bytes(state));
        Clear(place);
        Durable.Rename(unfinished, place);
    }

    private TrainingState? TryRestore(string folder)
    {
        try
        {
            var state = ReadState(folder);
            if ((state.BestStep is { } best && !File.Exists(Best(best))) || MetricsBytes() < state.MetricsBytes)
            {
                return null;
            }
            using var file = SafetensorsFile.Open(Path.Combine(folder, StateTensors));
            Restore(file, "parameters", parameters.Values);
            Restore(file, "mean", optimiser.Mean);
            Restore(file, "variance", optimiser.Variance);
            optimiser.Steps = state.Step;
            return state;
        }
        catch (Exception error) when (error is ModelException or IOException or JsonException)
        {
            return null; // a damaged checkpoint costs the steps since the one before it, not the run
        }
    }

    private static TrainingState ReadState(string folder) => JsonSerializer.Deserialize<TrainingState>(File.ReadAllBytes(Path.Combine(folder, StateJson)))!;

    private long MetricsBytes() => new FileInfo(Path.Combine(directory, MetricsLog.FileName)) is { Exists: true } file ? file.Length : 0;

    private static void Restore(SafetensorsFile file, string name, Tensor target)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        target.copy_(file.Read(name));
    }

    /// <summary>An older checkpoint that is kept may name an older best step, and going on from it needs that one.</summary>
    private void Rotate(TrainingState latest)
    {
        foreach (var old in Folders().Skip(keep).ToList())
        {
            Clear(old);
        }
        var named = Folders().Select(ReadState).Append(latest).Select(state => state.BestStep).OfType<int>().Select(Best).ToHashSet();
        foreach (var file in Directory.EnumerateFiles(directory, "best-*").Where(file => !named.Contains(file)).ToList())
        {
            File.Delete(file);
        }
    }

    /// <summary>The newest first.</summary>
    private IEnumerable<string> Folders() =>
        Directory.EnumerateDirectories(directory, "step-*").Where(folder => !folder.EndsWith(Unfinished, StringComparison.Ordinal)).OrderDescending(StringComparer.Ordinal);

    private string Best(int step) => Path.Combine(directory, $"best-{step:D6}.safetensors");

    private static void Clear(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Copies on the host, [count] float32 each: training goes on while they are written.</summary>
    private sealed record Snapshot(Tensor Parameters, Tensor Mean, Tensor Variance) : IDisposable
    {
        public static Snapshot Of(ParameterSet parameters, AdamW optimiser)
        {
            using var noGrad = no_grad();
            static Tensor Copy(Tensor tensor) => tensor.detach().to(CPU, copy: true).DetachFromDisposeScope();
            return new(Copy(parameters.Values), Copy(optimiser.Mean), Copy(optimiser.Variance));
        }

        public void Dispose()
        {
            Parameters.Dispose();
            Mean.Dispose();
            Variance.Dispose();
        }
    }
}
