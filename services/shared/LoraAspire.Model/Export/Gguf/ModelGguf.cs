using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>
/// A model's folder as one GGUF file. Its numbers are read while it is written, so that it needs little memory and no libtorch.
/// </summary>
internal sealed class ModelGguf : IDisposable
{
    private const uint QuantizationVersion = 2;

    private readonly WeightFiles _weights;
    private readonly GgufMetadata _metadata = new();
    private readonly List<GgufTensor> _tensors;
    private readonly List<string> _remarks = [];

    /// <param name="name">For people; of letters, digits, dots, hyphens and underscores.</param>
    /// <param name="dialogue">How its prompts are written; null writes a file that says nothing of it.</param>
    /// <param name="tokenizer">Null only for a file that is asked by ids.</param>
    /// <exception cref="ModelException">Something that llama.cpp can't run, or a folder that is broken.</exception>
    public ModelGguf(string folder, string name, GgmlType type, Dialogue? dialogue, HfTokenizer? tokenizer)
    {
        var model = ModelConfig.Load(folder);
        var architecture = Architecture.Of(model);
        _weights = WeightFiles.Open(folder);
        try
        {
            var named = TensorNames.Of(model, architecture);
            _tensors = [.. named.Select(tensor => WeightRows.Of(tensor, _weights, type))];
            if (Architecture.FrequencyFactors(model) is { } factors)
            {
                _tensors.Insert(1, GgufTensor.Of("rope_freqs.weight", factors));
            }
            _metadata.Add("general.architecture", architecture.Name).Add("general.type", "model").Add("general.name", name)
                .Add("general.file_type", type.FileType()).Add("general.quantization_version", QuantizationVersion);
            architecture.Describe(model, _metadata);
            _remarks.AddRange(architecture.Remarks(model));
            Tell(named, type);
            DescribeText(folder, tokenizer, model, dialogue);
        }
        catch
        {
            _weights.Dispose();
            throw;
        }
    }

    public int Tensors => _tensors.Count;
    public long Bytes => _tensors.Sum(tensor => GgufWriter.Aligned(tensor.Bytes));

    /// <summary>What is otherwise in the file than in the folder, in words.</summary>
    public IReadOnlyList<string> Remarks => _remarks;

    public ExportedFile Write(string path, Action written, CancellationToken cancellationToken) =>
        GgufWriter.Write(path, _metadata, _tensors, written, cancellationToken);

    public void Dispose() => _weights.Dispose();

    private void Tell(IReadOnlyList<NamedTensor> named, GgmlType type)
    {
        if (type.IsQuantized() && named.Where(tensor => tensor.Shape is [_, var columns] && columns % GgmlTypes.Block != 0)
            .Select(tensor => tensor.Gguf).ToList() is { Count: > 0 } narrow)
        {
            _remarks.Add($"{narrow.Count} tensors have rows that aren't whole blocks of {GgmlTypes.Block} numbers and stay float16: "
                + $"{string.Join(", ", narrow.Take(3))}{(narrow.Count > 3 ? ", …" : "")}.");
        }
        var known = named.Select(tensor => tensor.Name).ToHashSet(StringComparer.Ordinal);
        var left = _weights.Tensors.Select(entry => entry.Name).Where(name => !known.Contains(name)
            && name != "lm_head.weight" && !name.EndsWith("rotary_emb.inv_freq", StringComparison.Ordinal)).ToList();
        if (left.Count > 0)
        {
            _remarks.Add($"{left.Count} tensors that the network doesn't use were left out: "
                + $"{string.Join(", ", left.Take(3).Select(name => Data.VisibleText.Marked(name[..Math.Min(name.Length, 80)])))}"
                + $"{(left.Count > 3 ? ", …" : "")}.");
        }
    }

    private void DescribeText(string folder, HfTokenizer? tokenizer, ModelConfig model, Dialogue? dialogue)
    {
        if (tokenizer is null)
        {
            _metadata.Add("tokenizer.ggml.model", "no_vocab");
            return;
        }
        TokenizerMetadata text = new(folder, tokenizer, model.VocabSize);
        text.Describe(_metadata, dialogue?.EndId);
        _remarks.AddRange(text.Remarks());
        if (dialogue?.Jinja is { } template)
        {
            _metadata.Add("tokenizer.chat_template", template);
        }
    }
}
