using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Merger;

/// <summary>What becomes of each tensor of a base: which layer's adapter goes into it, what takes its place, and its shape then.</summary>
internal sealed class MergePlan
{
    private const string Embedding = "model.embed_tokens", Head = "lm_head", Weight = ".weight";

    private readonly Adapter _adapter;
    private readonly WeightFiles _weights;
    private readonly Dictionary<string, TensorEntry> _known;
    private readonly Dictionary<string, Tensor> _replaced = new(StringComparer.Ordinal);

    /// <exception cref="ModelException">The adapter belongs to another base, or can't be merged into this one.</exception>
    /// <param name="entries">Of the base's tensors those that the merged model has.</param>
    public MergePlan(Adapter adapter, WeightFiles weights, IEnumerable<TensorEntry> entries)
    {
        (_adapter, _weights) = (adapter, weights);
        _known = entries.ToDictionary(entry => entry.Name, StringComparer.Ordinal);
        var isTied = (adapter.Saved.Count > 0 || adapter.Layers.ContainsKey(Head)) && ModelConfig.Load(weights.Directory).TieWordEmbeddings;
        if (isTied && adapter.Layers.ContainsKey(Head))
        {
            throw new ModelException(AdapterRefusal.TiedHead);
        }
        foreach (var (module, weight) in isTied ? WithoutEnds(adapter.Saved) : adapter.Saved)
        {
            Replace(module, weight);
        }
        if (isTied && SharedWeight() is { } shared)
        {
            foreach (var end in new[] { Embedding, Head }.Where(end => _known.ContainsKey(end + Weight)))
            {
                Replace(end, shared);
            }
        }
        foreach (var end in Vocabulary is null || isTied ? [] : new[] { Embedding, Head })
        {
            RequireResized(end, other: end == Embedding ? Head : Embedding);
        }
        foreach (var (layer, own) in adapter.Layers)
        {
            if (!_known.TryGetValue(layer + Weight, out var entry))
            {
                throw AdapterRefusal.OtherBase($"it changes {layer}.weight, which {weights.Directory} doesn't have");
            }
            own.RequireFits(entry.Name, ShapeOf(entry));
            if (!entry.IsFloating)
            {
                throw new ModelException($"{entry.Name} of {weights.Directory} is {entry.Dtype}: the base is quantised, and an adapter can "
                    + "only be merged into weights that are numbers. Give the model that the base was quantised from.");
            }
        }
    }

    /// <summary>Rows of the embedding, where the adapter's vocabulary is of another size than the base's.</summary>
    public long? Vocabulary { get; private set; }

    /// <summary>The base's rows then.</summary>
    public long BaseVocabulary { get; private set; }

    public IReadOnlyList<long> ShapeOf(TensorEntry entry) => _replaced.TryGetValue(entry.Name, out var whole) ? whole.shape : entry.Shape;

    /// <summary>What the merged model has under a tensor's name, few rows of it in memory at a time where they can be made so.</summary>
    /// <param name="type">That it is written in.</param>
    public TensorBytes Open(TensorEntry entry, ScalarType type)
    {
        var layer = LayerOf(entry);
        var isMadeWhole = _replaced.ContainsKey(entry.Name) || (layer is not null && _adapter.Config.Start.ChangesBase);
        if (isMadeWhole || _weights.Range(entry.Name) is not { } range)
        {
            return TensorBytes.Of(Make(entry, layer, type));
        }
        var bytes = TensorBytes.Of(range);
        return layer is not null
            ? new ChangedBytes(bytes, entry.Dtype, type, entry.Shape[1],
                (first, rows, width) => _adapter.MergeRows(layer, first, rows, width))
            : type == entry.Dtype ? bytes : new ChangedBytes(bytes, entry.Dtype, type, width: 1, change: null);
    }

    /// <summary>On the CPU. It is rounded once, to the type that is written.</summary>
    private Tensor Make(TensorEntry entry, string? layer, ScalarType type)
    {
        using var scope = NewDisposeScope();
        var tensor = _replaced.TryGetValue(entry.Name, out var whole) ? whole : _weights.Read(entry.Name);
        tensor = tensor.to_type(type == entry.Dtype ? type : ScalarType.Float32);
        return (layer is null ? tensor : _adapter.Merge(layer, tensor)).to_type(type).contiguous().alias().DetachFromDisposeScope();
    }

    /// <summary>The layer whose weight it is, where the adapter changes it.</summary>
    private string? LayerOf(TensorEntry entry) => entry.Name.EndsWith(Weight, StringComparison.Ordinal)
        && entry.Name[..^Weight.Length] is var layer && _adapter.Layers.ContainsKey(layer) ? layer : null;

    private static IEnumerable<KeyValuePair<string, Tensor>> WithoutEnds(IReadOnlyDictionary<string, Tensor> saved) =>
        saved.Where(module => module.Key is not (Embedding or Head));

    /// <summary>
    /// The one weight of a tied base that the adapter brings. PEFT saves it under either name or both. One that modules_to_save names was
    /// trained by itself, and the other end kept the base's.
    /// </summary>
    private Tensor? SharedWeight()
    {
        var ends = _adapter.Saved.Where(module => module.Key is Embedding or Head).ToList();
        var isAlone = ends is [var one] && !_adapter.Config.EnsureWeightTying
            && _adapter.Config.ModulesToSave.Any(name => AdapterConfig.Fits(name, one.Key));
        var differ = ends is [var first, var second] && !(first.Value.shape.SequenceEqual(second.Value.shape)
            && first.Value.eq(second.Value).all().item<bool>());
        return isAlone || differ
            ? throw new ModelException($"The adapter holds {string.Join(", ", ends.Select(end => end.Key))}, but {_weights.Directory} "
                + "shares one weight between embedding and head (tie_word_embeddings): they can't be merged.")
            : ends is [] ? null : ends[0].Value;
    }

    private void Replace(string module, Tensor weight)
    {
        if (!_known.TryGetValue(module + Weight, out var entry))
        {
            throw OtherBase(module, $"{_weights.Directory} has none");
        }
        if (!entry.Shape.SequenceEqual(weight.shape))
        {
            if (module is not (Embedding or Head) || weight.dim() != 2 || entry.Shape is not [var rows, var width]
                || weight.size(1) != width || (Vocabulary ?? weight.size(0)) != weight.size(0))
            {
                throw OtherBase(module, $"{_weights.Directory} has [{string.Join(", ", entry.Shape)}]");
            }
            (Vocabulary, BaseVocabulary) = (weight.size(0), rows);
        }
        _replaced[entry.Name] = weight;
    }

    /// <summary>Both ends have as many rows as the vocabulary.</summary>
    private void RequireResized(string end, string other)
    {
        if (!_adapter.Saved.TryGetValue(end, out var weight))
        {
            throw OtherBase(other, $"{end}, the other end of the model, is not in the adapter, so its vocabulary can't be resized. Save "
                + "the adapter with save_embedding_layers=True");
        }
        if (weight.size(0) != Vocabulary)
        {
            throw OtherBase(end, $"its {other} has {Vocabulary} rows");
        }
    }

    private ModelException OtherBase(string module, string but) =>
        AdapterRefusal.OtherBase($"its {module} is [{string.Join(", ", _adapter.Saved[module].shape)}], and {but}");
}
