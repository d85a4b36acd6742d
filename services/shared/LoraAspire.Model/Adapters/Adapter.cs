using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Adapters;

/// <summary>An adapter's settings and its tensors, float32 on the CPU, by layer path.</summary>
public sealed class Adapter(AdapterConfig config, IReadOnlyDictionary<string, LayerAdapter> layers) : IDisposable
{
    public const string FileName = "adapter_model.safetensors";
    private const string TorchName = "adapter_model.bin";
    internal const string Prefix = "base_model.model.";
    internal const string BaseTypeKey = "base_type";
    private const int MergedAtOnce = 1 << 20;

    public AdapterConfig Config { get; } = config;
    public IReadOnlyDictionary<string, LayerAdapter> Layers { get; } = layers;

    /// <summary>
    /// Weights that take the place of the base's, by their module's path, as model.embed_tokens: modules_to_save, and embedding and head
    /// where PEFT saved them with the adapter.
    /// </summary>
    public IReadOnlyDictionary<string, Tensor> Saved { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>
    /// What the base's linear layers were held in while this was trained; null is unknown, as with an adapter from elsewhere. It stands in
    /// the metadata of the tensors' file as base_type, which PEFT reads over.
    /// </summary>
    public BaseFormat? TrainedOn { get; init; }

    /// <summary>The base of its training; null where the files don't say.</summary>
    public BaseDigests? BaseDigests { get; set; }

    /// <summary>The name PEFT gives a tensor of a layer.</summary>
    public static string TensorName(string layer, AdapterParameter parameter) => $"{Prefix}{layer}.{parameter.Name}";

    public static string SavedName(string module) => $"{Prefix}{module}.weight";

    /// <summary>The file of an adapter's tensors.</summary>
    /// <exception cref="ModelException">There is none.</exception>
    public static string TensorsFile(string directory) => Path.Combine(directory, File.Exists(Path.Combine(directory, FileName)) ? FileName
        : File.Exists(Path.Combine(directory, TorchName)) ? TorchName
        : throw new ModelException($"{directory}: no {FileName} and no {TorchName}."));

    /// <exception cref="ModelException">Missing or broken files, tensors that the settings don't call for, or too few.</exception>
    public static Adapter Load(string directory)
    {
        var config = AdapterConfig.Load(directory);
        using var file = TensorFile.Open(TensorsFile(directory));
        return new AdapterReader(config, file).Read();
    }

    /// <summary>Writes adapter_config.json and adapter_model.safetensors, as PEFT reads them.</summary>
    public void Save(string directory)
    {
        Config.Save(directory);
        SafetensorsWriter.Write(Path.Combine(directory, FileName), Layers
            .SelectMany(layer => layer.Value.Parameters.Select(item => TensorSource.Of(TensorName(layer.Key, item.Parameter), item.Tensor)))
            .Concat(Saved.Select(item => TensorSource.Of(SavedName(item.Key), item.Value))), Metadata());
    }

    /// <summary>What the file says beside its tensors; null where there is nothing to say.</summary>
    private Dictionary<string, string>? Metadata()
    {
        Dictionary<string, string> metadata = new(BaseDigests?.Metadata ?? new Dictionary<string, string>());
        if (TrainedOn is { } held)
        {
            metadata[BaseTypeKey] = held.Word();
            metadata["format"] = "pt";
        }
        return metadata.Count == 0 ? null : metadata;
    }

    /// <summary>
    /// The weight with the adapter in it; computed in float32 and rounded once to the type of <paramref name="weight"/> [out, in]. Where
    /// the adapter's start is taken out of the base, that is rounded too, as PEFT does.
    /// </summary>
    /// <exception cref="ModelException">The adapter was made for a layer of another shape.</exception>
    public Tensor Merge(string layer, Tensor weight)
    {
        Layers[layer].RequireFits(layer, weight.shape);
        using var scope = NewDisposeScope();
        var merged = Residual(layer, weight).to(float32, CPU, copy: true).contiguous();
        var width = (int)merged.size(1);
        for (long row = 0, some = Math.Max(1, MergedAtOnce / width); row < merged.size(0); row += some)
        {
            MergeRows(layer, row, merged.narrow(0, row, Math.Min(some, merged.size(0) - row)).Numbers(), width);
        }
        return merged.to(weight.dtype, weight.device).MoveToOuterDisposeScope();
    }

    /// <summary>The same of some rows, in place. No start is taken out of them.</summary>
    /// <param name="first">The place of the first row in the weight, which the adapter fits.</param>
    /// <param name="rows">[n, width]</param>
    public void MergeRows(string layer, long first, Span<float> rows, int width) =>
        Layers[layer].Kind.Merge(Layers[layer], first, rows, width);

    /// <summary>What loading the adapter makes of a layer's weight. One that was saved with the adapter is so already.</summary>
    internal Tensor Residual(string layer, Tensor weight) => Saved.ContainsKey(layer) ? weight.alias()
        : Config.Start.Residual(layer, weight, Config.RankOf(layer), Layers[layer].Scale);

    public void Dispose() => TensorGroup.DisposeAll([.. Layers.Values, .. Saved.Values]);
}
