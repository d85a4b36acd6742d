using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Adapters;

/// <summary>Sorts the tensors of an adapter's file by their names, and holds them to its settings: all that these call for, and nothing else.</summary>
internal sealed class AdapterReader(LoraConfig config, TensorFile file)
{
    private readonly Dictionary<(string Layer, char Which), Tensor> _halves = [];
    private readonly Dictionary<string, Tensor> _magnitudes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _saved = new(StringComparer.Ordinal);

    /// <exception cref="ModelException">Unknown tensors, missing ones, a half of a pair, a rank other than the settings'.</exception>
    public LoraAdapter Read()
    {
        foreach (var entry in file.Tensors.Values)
        {
            Take(entry);
        }
        if (_halves.Count + _saved.Count == 0)
        {
            throw Refuse("holds no tensors: the adapter was saved empty");
        }
        if (config.ModulesToSave.FirstOrDefault(name => !_saved.Keys.Any(module => NameOf(module) == name)) is { } missing)
        {
            throw Refuse($"holds no '{missing}', which modules_to_save of {LoraConfig.FileName} names");
        }
        var layers = _halves.Keys.Select(key => key.Layer).Concat(_magnitudes.Keys).Distinct().ToDictionary(layer => layer, Pair, StringComparer.Ordinal);
        return new LoraAdapter(config, layers) { Magnitudes = _magnitudes, Saved = _saved };
    }

    private void Take(TensorEntry entry)
    {
        foreach (var which in new[] { 'A', 'B' })
        {
            if (PathOf(entry.Name, $".lora_{which}.weight") is { } half)
            {
                _halves[(half, which)] = entry.Shape.Count == 2 && entry.Shape[which == 'A' ? 0 : 1] == config.RankOf(half)
                    ? Float(entry.Name)
                    : throw Refuse($"'{entry.Name}' is [{string.Join(", ", entry.Shape)}], which doesn't fit rank {config.RankOf(half)} of {LoraConfig.FileName}");
                return;
            }
        }
        // PEFT leaves .weight out of the name; others leave it in.
        if (config.UseDora && (PathOf(entry.Name, ".lora_magnitude_vector") ?? PathOf(entry.Name, ".lora_magnitude_vector.weight")) is { } layer && entry.Shape.Count == 1)
        {
            _magnitudes[layer] = Float(entry.Name);
        }
        else if (PathOf(entry.Name, ".weight") is { } module && config.ModulesToSave.Contains(NameOf(module)))
        {
            _saved[module] = Float(entry.Name);
        }
        else
        {
            throw Refuse($"'{entry.Name}' of shape [{string.Join(", ", entry.Shape)}] is not a tensor that the settings in {LoraConfig.FileName} account for");
        }
    }

    private (Tensor A, Tensor B) Pair(string layer)
    {
        if (!_halves.TryGetValue((layer, 'A'), out var a) || !_halves.TryGetValue((layer, 'B'), out var b))
        {
            throw Refuse($"layer {layer} has only one of lora_A and lora_B");
        }
        if (config.UseDora && !(_magnitudes.TryGetValue(layer, out var magnitude) && magnitude.size(0) == b.size(0)))
        {
            throw Refuse($"layer {layer} has no lora_magnitude_vector of its {b.size(0)} outputs, which use_dora calls for");
        }
        return (a, b);
    }

    private Tensor Float(string name)
    {
        using var scope = NewDisposeScope();
        return file.Read(name).to_type(float32).DetachFromDisposeScope();
    }

    private static string? PathOf(string name, string suffix) =>
        name.StartsWith(LoraAdapter.Prefix, StringComparison.Ordinal) && name.EndsWith(suffix, StringComparison.Ordinal)
            ? name[LoraAdapter.Prefix.Length..^suffix.Length]
            : null;

    private static string NameOf(string module) => module.Split('.')[^1];

    private ModelException Refuse(string problem) => new($"{file.Path}: {problem}.");
}
