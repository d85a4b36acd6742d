using System.Text.Json;
using LoraAspire.Model;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// step-000500/ with state.json and state.safetensors (parameters, moments). A folder is written beside its place and renamed, so that
/// what stands under its name is whole. The parameters of the best step lie in best-000400.safetensors.
/// </summary>
public sealed class Checkpoints(string directory, int keep, ParameterSet parameters, AdamW optimiser)
{
    private const string StateJson = "state.json";
    private const string StateTensors = "state.safetensors";

    public void Save(TrainingState state)
    {
        var place = Path.Combine(directory, $"step-{state.Step:D6}");
        var unfinished = place + ".tmp";
        Clear(unfinished);
        Directory.CreateDirectory(unfinished);
        SafetensorsWriter.Write(Path.Combine(unfinished, StateTensors),
            [TensorSource.Of("parameters", parameters.Values), TensorSource.Of("mean", optimiser.Mean), TensorSource.Of("variance", optimiser.Variance)]);
        File.WriteAllText(Path.Combine(unfinished, StateJson), JsonSerializer.Serialize(state));
        Clear(place);
        Directory.Move(unfinished, place);
        Rotate(state);
    }

    /// <summary>Keeps the parameters of the best step so far.</summary>
    public void SaveBest(int step) =>
        SafetensorsWriter.Write(Best(step), [TensorSource.Of("parameters", parameters.Values)]);

    public void LoadBest(int step)
    {
        using var file = SafetensorsFile.Open(Best(step));
        Restore(file, "parameters", parameters.Values);
    }

    /// <summary>Restores the newest checkpoint that is whole; without one, the start.</summary>
    public TrainingState Resume()
    {
        foreach (var folder in Folders().OrderDescending(StringComparer.Ordinal))
        {
            if (TryRestore(folder) is { } state)
            {
                return state;
            }
        }
        return TrainingState.Start;
    }

    private TrainingState? TryRestore(string folder)
    {
        try
        {
            var state = JsonSerializer.Deserialize<TrainingState>(File.ReadAllText(Path.Combine(folder, StateJson)))!;
            if (state.BestStep is { } best && !File.Exists(Best(best)))
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

    private static void Restore(SafetensorsFile file, string name, Tensor target)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        target.copy_(file.Read(name));
    }

    private void Rotate(TrainingState latest)
    {
        foreach (var old in Folders().OrderDescending(StringComparer.Ordinal).Skip(keep))
        {
            Clear(old);
        }
        // Older checkpoints that are still kept may name an older best step; resuming from one finds that best again, since a run repeats itself.
        var kept = latest.BestStep is { } best ? Best(best) : null;
        foreach (var file in Directory.EnumerateFiles(directory, "best-*.safetensors").Where(file => file != kept))
        {
            File.Delete(file);
        }
    }

    private IEnumerable<string> Folders() => Directory.EnumerateDirectories(directory, "step-*").Where(folder => !folder.EndsWith(".tmp", StringComparison.Ordinal));

    private string Best(int step) => Path.Combine(directory, $"best-{step:D6}.safetensors");

    private static void Clear(string folder)
    {
        if (Directory.Exists(folder))
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
