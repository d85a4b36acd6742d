using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Adapters;

/// <summary>
/// Sorts the tensors of an adapter's file by their names, and holds them to its settings: all that these call for, and nothing else.
/// </summary>
internal sealed class AdapterReader(AdapterConfig config, TensorFile file)
{
    private readonly Dictionary<string, Dictionary<AdapterParameter, Tensor>> _layers = new(StringComparer.Ordinal);
    private readonly Dictionary<string, Tensor> _saved = new(StringComparer.Ordinal);

    /// <exception cref="ModelException">Unknown tensors, missing ones, sizes that don't fit the settings or each other.</exception>
    public Adapter Read()
    {
        foreach (var entry in file.Tensors.Values)
        {
            Take(entry);
        }
        if (_layers.Count + _saved.Count == 0)
        {
            throw Refuse("holds no tensors: the adapter was saved empty");
        }
        if (config.ModulesToSave.FirstOrDefault(name => !_saved.Keys.Any(module => NameOf(module) == name)) is { } missing)
        {
            throw Refuse($"holds no '{missing}', which modules_to_save of {AdapterConfig.FileName} names");
        }
        return new Adapter(config, _layers.ToDictionary(layer => layer.Key, layer => Complete(layer.Key, layer.Value))) { Saved = _saved };
    }

    private void Take(TensorEntry entry)
    {
        foreach (var parameter in config.Kind.Parameters)
        {
            if ((PathOf(entry.Name, parameter.Name) ?? (parameter.OtherName is { } other ? PathOf(entry.Name, other) : null)) is { } layer)
            {
                RequireShape(entry, parameter, config.RankOf(layer));
                _layers.TryAdd(layer, []);
                _layers[layer][parameter] = Float(entry.Name);
                return;
            }
        }
        if (PathOf(entry.Name, "weight") is { } module && config.ModulesToSave.Contains(NameOf(module)))
        {
            _saved[module] = Float(entry.Name);
            return;
        }
        throw Refuse(
            $"'{entry.Name}' of shape {Text(entry.Shape)} is not a tensor that the settings in {AdapterConfig.FileName} account for");
    }

    private void RequireShape(TensorEntry entry, AdapterParameter parameter, int rank)
    {
        if (entry.Shape.Count != parameter.Axes.Count
            || parameter.Axes.Zip(entry.Shape).Any(item => item.First == Axis.Rank && item.Second != rank))
        {
            throw Refuse($"'{entry.Name}' is {Text(entry.Shape)}, which doesn't fit rank {rank} of {AdapterConfig.FileName}: "
                + $"{parameter.Name} is [{string.Join(", ", parameter.Axes).ToLowerInvariant()}]");
        }
    }

    /// <summary>A layer's tensors in their kind's order, all of them and of one size.</summary>
    private LayerAdapter Complete(string layer, Dictionary<AdapterParameter, Tensor> tensors)
    {
        var ordered = config.Kind.Parameters.Select(parameter => tensors.TryGetValue(parameter, out var tensor) ? tensor
            : throw Refuse($"layer {layer} has no {parameter.Name}, which {config.Kind.Name} has")).ToList();
        var adapter = LayerAdapter.Of(config, layer, ordered);
        foreach (var (parameter, tensor) in adapter.Parameters)
        {
            if (parameter.Axes.Zip(tensor.shape).Any(item => item.First != Axis.Rank && item.Second != adapter.SizeOf(item.First)))
            {
                throw Refuse($"{parameter.Name} of layer {layer} is {Text(tensor.shape)}, but by its other tensors the layer is "
                    + $"[{adapter.SizeOf(Axis.Out)}, {adapter.SizeOf(Axis.In)}]");
            }
        }
        return adapter;
    }

    private Tensor Float(string name)
    {
        using var scope = NewDisposeScope();
        return file.Read(name).to_type(float32).DetachFromDisposeScope();
    }

    private static string? PathOf(string name, string last) =>
        name.StartsWith(Adapter.Prefix, StringComparison.Ordinal) && name.EndsWith("." + last, StringComparison.Ordinal)
            && name.Length > Adapter.Prefix.Length + last.Length
            ? name[Adapter.Prefix.Length..^(last.Length + 1)]
            : null;

    private static string NameOf(string module) => module.Split('.')[^1];

    private static string Text(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";

    private ModelException Refuse(string problem) => new($"{file.Path}: {problem}.");
}
