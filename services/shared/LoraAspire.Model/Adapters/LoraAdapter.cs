using LoraAspire.Model.Native;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Adapters;

/// <summary>An adapter's settings and its tensors, float32 on the CPU, by layer path: A [r, in], B [out, r].</summary>
public sealed class LoraAdapter(LoraConfig config, IReadOnlyDictionary<string, (Tensor A, Tensor B)> layers) : IDisposable
{
    public const string FileName = "adapter_model.safetensors";
    private const string TorchName = "adapter_model.bin";
    internal const string Prefix = "base_model.model.";

    public LoraConfig Config { get; } = config;
    public IReadOnlyDictionary<string, (Tensor A, Tensor B)> Layers { get; } = layers;

    /// <summary>DoRA's trained lengths [out], by layer path; empty without DoRA.</summary>
    public IReadOnlyDictionary<string, Tensor> Magnitudes { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>Modules trained whole (modules_to_save), by path, as model.embed_tokens or lm_head.</summary>
    public IReadOnlyDictionary<string, Tensor> Saved { get; init; } = new Dictionary<string, Tensor>();

    /// <summary>The name PEFT gives a tensor of a layer; which is A or B.</summary>
    public static string TensorName(string layer, char which) => $"{Prefix}{layer}.lora_{which}.weight";

    public static string MagnitudeName(string layer) => $"{Prefix}{layer}.lora_magnitude_vector";

    public static string SavedName(string module) => $"{Prefix}{module}.weight";

    /// <exception cref="ModelException">Missing or broken files, unknown tensors, a half of a pair, a rank other than the settings'.</exception>
    public static LoraAdapter Load(string directory)
    {
        var config = LoraConfig.Load(directory);
        var path = Path.Combine(directory, File.Exists(Path.Combine(directory, FileName)) ? FileName
            : File.Exists(Path.Combine(directory, TorchName)) ? TorchName
            : throw new ModelException($"{directory}: no {FileName} and no {TorchName}."));
        using var file = TensorFile.Open(path);
        return new AdapterReader(config, file).Read();
    }

    /// <summary>Writes adapter_config.json and adapter_model.safetensors, as PEFT reads them.</summary>
    public void Save(string directory)
    {
        Config.Save(directory);
        SafetensorsWriter.Write(Path.Combine(directory, FileName), Layers.SelectMany(layer => new[]
        {
            TensorSource.Of(TensorName(layer.Key, 'A'), layer.Value.A),
            TensorSource.Of(TensorName(layer.Key, 'B'), layer.Value.B),
        }).Concat(Magnitudes.Select(item => TensorSource.Of(MagnitudeName(item.Key), item.Value)))
            .Concat(Saved.Select(item => TensorSource.Of(SavedName(item.Key), item.Value))));
    }

    /// <summary>
    /// W + scale·B·A, with DoRA magnitude · that / its rows' norms; computed in float32 and rounded once to the type of <paramref name="weight"/> [out, in].
    /// </summary>
    /// <exception cref="ModelException">The adapter was made for a layer of another shape.</exception>
    public Tensor Merge(string layer, Tensor weight)
    {
        var (a, b) = Layers[layer];
        RequireShape(layer, a, b, weight.shape);
        using var scope = NewDisposeScope();
        var delta = b.to(weight.device).mm(a.to(weight.device)).mul_(Config.ScaleOf(layer).Kept());
        var merged = weight.to_type(float32).add(delta, Scalars.One);
        if (Magnitudes.TryGetValue(layer, out var magnitude))
        {
            merged.mul_(magnitude.to(weight.device).div(merged.norm(1)).unsqueeze(1));
        }
        return merged.to_type(weight.dtype).MoveToOuterDisposeScope();
    }

    internal static void RequireShape(string layer, Tensor a, Tensor b, long[] weight)
    {
        if (a.size(1) != weight[1] || b.size(0) != weight[0])
        {
            throw new ModelException($"The adapter was made for another base: {layer} is [{string.Join(", ", weight)}] in the base, but the adapter's B·A is [{b.size(0)}, {a.size(1)}].");
        }
    }

    public void Dispose()
    {
        foreach (var (a, b) in Layers.Values)
        {
            a.Dispose();
            b.Dispose();
        }
        foreach (var tensor in Magnitudes.Values.Concat(Saved.Values))
        {
            tensor.Dispose();
        }
    }
}
