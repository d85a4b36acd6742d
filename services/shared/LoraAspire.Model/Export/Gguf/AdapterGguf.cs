using System.Text.RegularExpressions;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>A LoRA adapter as a GGUF file that llama.cpp lays over its base.</summary>
internal sealed partial class AdapterGguf : IDisposable
{
    private readonly TensorFile _file;
    private readonly GgufMetadata _metadata = new();
    private readonly List<GgufTensor> _tensors = [];

    /// <param name="baseFolder">Its config.json and weights' shapes say how the layers lie.</param>
    /// <exception cref="ModelException">More than LoRA on layers of this base: such an adapter must be merged first.</exception>
    public AdapterGguf(string folder, string baseFolder, string name, GgmlType type)
    {
        var config = AdapterConfig.Load(folder);
        if (config is not LoraConfig { UseDora: false } lora || config.Start.ChangesBase || config.ModulesToSave.Count > 0)
        {
            throw new ModelException($"{folder}: a GGUF adapter is LoRA on linear layers alone. This one is "
                + (config.ModulesToSave.Count > 0 ? "trained with whole modules (modules_to_save)"
                    : config.Start.ChangesBase ? $"made with init_lora_weights '{config.Start.Name}', which changes the base"
                    : config.Kind.Name) + ": merge it into its base and export that.");
        }
        var model = ModelConfig.Load(baseFolder);
        var architecture = Architecture.Of(model);
        var layers = TensorNames.Of(model, architecture).Where(tensor => tensor.Shape.Count == 2)
            .Where(tensor => tensor.Gguf != "token_embd.weight").ToDictionary(tensor => tensor.Layer, StringComparer.Ordinal);
        // One alpha stands for all layers; where theirs differ, B makes up for it.
        var alpha = (float)(lora.ScaleOf("") * lora.RankOf(""));
        _metadata.Add("general.architecture", architecture.Name).Add("general.type", "adapter").Add("general.name", name)
            .Add("adapter.type", "lora").Add("adapter.lora.alpha", alpha == 0 ? 1 : alpha);
        _file = TensorFile.Open(Adapter.TensorsFile(folder));
        try
        {
            Add(lora, layers, alpha == 0 ? 1 : alpha, type is GgmlType.F32 or GgmlType.BF16 ? type : GgmlType.F16);
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public int Tensors => _tensors.Count;
    public long Bytes => _tensors.Sum(tensor => GgufWriter.Aligned(tensor.Bytes));

    public ExportedFile Write(string path, Action written, CancellationToken cancellationToken) =>
        GgufWriter.Write(path, _metadata, _tensors, written, cancellationToken);

    public void Dispose() => _file.Dispose();

    private void Add(LoraConfig lora, Dictionary<string, NamedTensor> layers, float alpha, GgmlType type)
    {
        Dictionary<string, (TensorEntry? A, TensorEntry? B)> pairs = new(StringComparer.Ordinal);
        foreach (var entry in _file.Tensors.Values)
        {
            if (Pattern().Match(entry.Name) is not { Success: true } match || !layers.ContainsKey(match.Groups["layer"].Value))
            {
                throw Refuse(entry, "is no LoRA tensor of a layer that the base has, so that it can't be in a GGUF adapter");
            }
            var layer = match.Groups["layer"].Value;
            var (a, b) = pairs.GetValueOrDefault(layer);
            var isA = match.Groups["part"].ValueSpan is "A";
            if ((isA ? a : b) is not null)
            {
                throw Refuse(entry, "is in the adapter under two names");
            }
            pairs[layer] = isA ? (entry, b) : (a, entry);
        }
        if (pairs.Count == 0)
        {
            throw new ModelException($"{_file.Path} holds no tensors: the adapter was saved empty.");
        }
        foreach (var layer in layers.Values.Where(layer => pairs.ContainsKey(layer.Layer)))
        {
            var (a, b) = pairs[layer.Layer];
            if (a is null || b is null)
            {
                throw new ModelException($"{_file.Path}: of {layer.Layer} there is only one of lora_A and lora_B.");
            }
            var rank = lora.RankOf(layer.Layer);
            RequireShape(a, [rank, layer.Shape[1]]);
            RequireShape(b, [layer.Shape[0], rank]);
            var scale = (float)(lora.ScaleOf(layer.Layer) * rank / alpha);
            _tensors.Add(WeightRows.Of(layer with { HeadRows = 0 }, layer.Gguf + ".lora_a", new(_file, a), a.Shape, type, 1));
            _tensors.Add(WeightRows.Of(layer, layer.Gguf + ".lora_b", new(_file, b), b.Shape, type,
                layer.Scale * (Math.Abs(scale - 1) < 1e-6 ? 1 : scale)));
        }
    }

    private void RequireShape(TensorEntry entry, long[] shape)
    {
        if (!entry.Shape.SequenceEqual(shape))
        {
            throw Refuse(entry, $"is [{string.Join(", ", entry.Shape)}]; the base and the adapter's settings make it "
                + $"[{string.Join(", ", shape)}]: the adapter was made for another base");
        }
    }

    private ModelException Refuse(TensorEntry entry, string problem) => new(
        $"{_file.Path}: '{Data.VisibleText.Marked(entry.Name[..Math.Min(entry.Name.Length, 120)])}' {problem}. Merge the adapter into its "
        + "base and export that.");

    [GeneratedRegex(@"^base_model\.model\.(?<layer>[A-Za-z0-9_.]{1,200})\.lora_(?<part>[AB])(\.[A-Za-z0-9_-]{1,100})?\.weight$",
        RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex Pattern();
}
