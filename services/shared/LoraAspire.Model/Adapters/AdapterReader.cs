using LoraAspire.Model.Network.Quantised;
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

    private readonly HashSet<string> _names = new(StringComparer.Ordinal);

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
        if (_names.Count > 1)
        {
            throw Refuse($"holds the tensors of several adapters ({string.Join(", ", _names.Order(StringComparer.Ordinal))}): save one of "
                + "them");
        }
        if (config.ModulesToSave.FirstOrDefault(name => !_saved.Keys.Any(module => AdapterConfig.Fits(name, module))) is { } missing)
        {
            throw Refuse($"holds no '{missing}', which modules_to_save of {AdapterConfig.FileName} names");
        }
        return new Adapter(config, _layers.ToDictionary(layer => layer.Key, layer => Complete(layer.Key, layer.Value)))
        {
            Saved = _saved,
            TrainedOn = TrainedOn(),
            BaseDigests = BaseDigests.In(file),
        };
    }

    /// <summary>Null where the file says nothing of it, or a word that means nothing here.</summary>
    private BaseFormat? TrainedOn() =>
        (file as SafetensorsFile)?.Metadata.GetValueOrDefault(Adapter.BaseTypeKey) is { } word
            ? Enum.GetValues<BaseFormat>().Where(format => word.Equals(format.Word(), StringComparison.OrdinalIgnoreCase))
                .Select(format => (BaseFormat?)format).FirstOrDefault()
            : null;

    private void Take(TensorEntry entry)
    {
        if (entry.Shape.Contains(0))
        {
            throw Refuse($"'{entry.Name}' is empty, {Text(entry.Shape)}. DeepSpeed's ZeRO-3 leaves such where a process saves without "
                + "gathering: save with stage3_gather_16bit_weights_on_model_save, or gather the checkpoint with zero_to_fp32.py");
        }
        if (!entry.Name.StartsWith(Adapter.Prefix, StringComparison.Ordinal))
        {
            throw Unaccounted(entry);
        }
        var path = entry.Name[Adapter.Prefix.Length..];
        foreach (var parameter in config.Kind.Parameters)
        {
            if (LayerOf(path, parameter) is { } layer)
            {
                RequireShape(entry, parameter, config.RankOf(layer));
                _layers.TryAdd(layer, []);
                if (!_layers[layer].TryAdd(parameter, Float(entry.Name)))
                {
                    throw Refuse($"holds {parameter.Name} of layer {layer} twice");
                }
                return;
            }
        }
        if (path.Contains(".lora_embedding_", StringComparison.Ordinal))
        {
            throw Refuse($"'{entry.Name}' is LoRA on an embedding, which is not supported: let PEFT merge it, or train embed_tokens whole "
                + "(modules_to_save)");
        }
        if (path.EndsWith(".original_module.weight", StringComparison.Ordinal))
        {
            return; // The base's own, beside what was trained in its place; state dicts hold both.
        }
        if (SavedModuleOf(path) is not { } module)
        {
            throw Unaccounted(entry);
        }
        if (!_saved.TryAdd(module, Float(entry.Name)))
        {
            throw Refuse($"holds the weight of {module} twice");
        }
    }

    private ModelException Unaccounted(TensorEntry entry) => Refuse(
        $"'{entry.Name}' of shape {Text(entry.Shape)} is not a tensor that the settings in {AdapterConfig.FileName} account for");

    /// <summary>The layer of a tensor of that parameter; null where the path is another's.</summary>
    private string? LayerOf(string path, AdapterParameter parameter) =>
        (parameter.OtherName is { } other ? LayerOf(path, other) : null) ?? LayerOf(path, parameter.Name);

    /// <summary>State dicts have the adapter's name behind the parameter's first part, as in lora_A.default.weight.</summary>
    private string? LayerOf(string path, string parameter)
    {
        if (Before(path, "." + parameter) is { } layer)
        {
            return layer;
        }
        var parts = parameter.Split('.', 2);
        var inner = parts.Length == 1 ? path : Before(path, "." + parts[1]);
        return inner?.Split('.') is [.. { Length: > 0 } before, var last, var name] && last == parts[0] && Name(name)
            ? string.Join('.', before) : null;
    }

    /// <summary>The module of a weight that takes the place of the base's; null where nothing says that it does.</summary>
    private string? SavedModuleOf(string path)
    {
        if (Before(path, ".weight") is not { } module)
        {
            return null;
        }
        // "auto" of PEFT's save_embedding_layers writes these two without a word in the settings.
        static bool IsEnd(string name) => name is "model.embed_tokens" or "lm_head";
        return module.Split('.') is [.. { Length: > 0 } before, "modules_to_save", var adapter] && Name(adapter) ? string.Join('.', before)
            : Before(module, ".base_layer") is { } wrapped && IsEnd(wrapped) ? wrapped
            : IsEnd(module) || config.ModulesToSave.Any(name => AdapterConfig.Fits(name, module)) ? module
            : null;
    }

    private bool Name(string adapter)
    {
        _names.Add(adapter);
        return true;
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

    private static string? Before(string path, string end) =>
        path.EndsWith(end, StringComparison.Ordinal) && path.Length > end.Length ? path[..^end.Length] : null;

    private static string Text(IEnumerable<long> shape) => $"[{string.Join(", ", shape)}]";

    private ModelException Refuse(string problem) => new($"{file.Path}: {problem}.");
}
