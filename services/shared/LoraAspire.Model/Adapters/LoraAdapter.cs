using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model;

/// <summary>An adapter's settings and its tensors, float32 on the CPU, by layer path: A [r, in], B [out, r].</summary>
public sealed class LoraAdapter(LoraConfig config, IReadOnlyDictionary<string, (Tensor A, Tensor B)> layers) : IDisposable
{
    public const string FileName = "adapter_model.safetensors";
    private const string TorchName = "adapter_model.bin";
    private const string Prefix = "base_model.model.";

    public LoraConfig Config { get; } = config;
    public IReadOnlyDictionary<string, (Tensor A, Tensor B)> Layers { get; } = layers;

    /// <summary>The name PEFT gives a tensor of a layer; which is A or B.</summary>
    public static string TensorName(string layer, char which) => $"{Prefix}{layer}.lora_{which}.weight";

    /// <exception cref="ModelException">Missing or broken files, unknown tensors, a half of a pair, a rank other than the settings'.</exception>
    public static LoraAdapter Load(string directory)
    {
        var config = LoraConfig.Load(directory);
        var path = Path.Combine(directory, File.Exists(Path.Combine(directory, FileName)) ? FileName
            : File.Exists(Path.Combine(directory, TorchName)) ? TorchName
            : throw new ModelException($"{directory}: no {FileName} and no {TorchName}."));
        using var file = TensorFile.Open(path);
        var halves = new Dictionary<(string Layer, char Which), Tensor>();
        foreach (var entry in file.Tensors.Values)
        {
            var key = ParseName(entry.Name) ?? throw new ModelException($"{path}: '{entry.Name}' is not a LoRA tensor this code knows.");
            if (entry.Shape.Count != 2 || entry.Shape[key.Which == 'A' ? 0 : 1] != config.R)
            {
                throw new ModelException($"{path}: '{entry.Name}' is [{string.Join(", ", entry.Shape)}], which doesn't fit rank {config.R} of {LoraConfig.FileName}.");
            }
            using var scope = NewDisposeScope();
            halves[key] = file.Read(entry.Name).to_type(float32).DetachFromDisposeScope();
        }
        if (halves.Count == 0)
        {
            throw new ModelException($"{path}: holds no tensors: the adapter was saved empty.");
        }
        var layers = new Dictionary<string, (Tensor, Tensor)>(StringComparer.Ordinal);
        foreach (var layer in halves.Keys.Select(key => key.Layer).Distinct())
        {
            layers[layer] = halves.TryGetValue((layer, 'A'), out var a) && halves.TryGetValue((layer, 'B'), out var b)
                ? (a, b)
                : throw new ModelException($"{path}: layer {layer} has only one of lora_A and lora_B.");
        }
        return new LoraAdapter(config, layers);
    }

    /// <summary>Writes adapter_config.json and adapter_model.safetensors, as PEFT reads them.</summary>
    public void Save(string directory)
    {
        Config.Save(directory);
        SafetensorsWriter.Write(Path.Combine(directory, FileName), Layers.SelectMany(layer => new[]
        {
            TensorSource.Of(TensorName(layer.Key, 'A'), layer.Value.A),
            TensorSource.Of(TensorName(layer.Key, 'B'), layer.Value.B),
        }));
    }

    /// <summary>W + scale·B·A, computed in float32 and rounded once to the type of <paramref name="weight"/> [out, in].</summary>
    /// <exception cref="ModelException">The adapter was made for a layer of another shape.</exception>
    public Tensor Merge(string layer, Tensor weight)
    {
        var (a, b) = Layers[layer];
        RequireShape(layer, a, b, weight.shape);
        using var scope = NewDisposeScope();
        var delta = b.to(weight.device).mm(a.to(weight.device)).mul_(Config.Scale);
        return weight.to_type(float32).add(delta).to_type(weight.dtype).MoveToOuterDisposeScope();
    }

    internal static void RequireShape(string layer, Tensor a, Tensor b, long[] weight)
    {
        if (a.size(1) != weight[1] || b.size(0) != weight[0])
        {
            throw new ModelException($"The adapter was made for another base: {layer} is [{string.Join(", ", weight)}] in the base, but the adapter's B·A is [{b.size(0)}, {a.size(1)}].");
        }
    }

    private static (string Layer, char Which)? ParseName(string name)
    {
        foreach (var which in new[] { 'A', 'B' })
        {
            var suffix = $".lora_{which}.weight";
            if (name.StartsWith(Prefix, StringComparison.Ordinal) && name.EndsWith(suffix, StringComparison.Ordinal))
            {
                return (name[Prefix.Length..^suffix.Length], which);
            }
        }
        return null;
    }

    public void Dispose()
    {
        foreach (var (a, b) in Layers.Values)
        {
            a.Dispose();
            b.Dispose();
        }
    }
}
