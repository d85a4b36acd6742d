using LoraAspire.Model.Adapters;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;

namespace LoraAspire.Model.Export;

/// <summary>The files of a model or an adapter that belong on Hugging Face, with a card: those alone, whatever else lies beside.</summary>
internal sealed class HuggingFaceFiles
{
    private static readonly string[] s_more = ["config.json", "generation_config.json", PromptFormat.FileName, "loss.svg"];
    private static readonly string[] s_licences = ["LICENSE", "LICENSE.txt", "LICENSE.md", "NOTICE", "NOTICE.txt", "USE_POLICY.md"];

    private const int Piece = 1 << 20;

    private readonly string _folder;
    private readonly bool _isAdapter;
    private readonly IReadOnlyList<string> _names;

    /// <exception cref="ModelException">There are no weights.</exception>
    public HuggingFaceFiles(string folder, bool isAdapter)
    {
        (_folder, _isAdapter) = (folder, isAdapter);
        if (isAdapter)
        {
            AdapterConfig.Load(folder);
        }
        IEnumerable<string> weights = isAdapter
            ? [AdapterConfig.FileName, Path.GetFileName(Adapter.TensorsFile(folder))]
            : WeightFiles.Names(folder);
        _names = [.. weights, .. TokenizerFiles.Names.Concat(s_more).Concat(s_licences)
            .Where(name => File.Exists(Path.Combine(folder, name)))];
        if (_names.FirstOrDefault(name => !File.Exists(Path.Combine(folder, name))) is { } missing)
        {
            throw new ModelException($"{folder}: no {missing}.");
        }
    }

    public int Count => _names.Count;

    public long Bytes => _names.Sum(name => new FileInfo(Path.Combine(_folder, name)).Length);

    public IReadOnlyList<ExportedFile> Write(string to, string name, Action written, CancellationToken cancellationToken)
    {
        List<ExportedFile> files = [];
        foreach (var file in _names)
        {
            files.Add(Copied(file, to, cancellationToken));
            written();
        }
        File.WriteAllText(Path.Combine(to, ".gitattributes"), "*.safetensors filter=lfs diff=lfs merge=lfs -text\n"
            + "*.bin filter=lfs diff=lfs merge=lfs -text\ntokenizer.json filter=lfs diff=lfs merge=lfs -text\n"
            + "tokenizer.model filter=lfs diff=lfs merge=lfs -text\n");
        var card = Path.Combine(_folder, ModelCard.FileName);
        File.WriteAllText(Path.Combine(to, ModelCard.FileName), _isAdapter && File.Exists(card)
            ? ModelCard.WithFiles(System.Text.Encoding.UTF8.GetString(WholeFile.Read(card, "model card")), files)
            : ModelCard.OfFolder(name, _isAdapter ? AdapterConfig.Load(_folder).BaseModelNameOrPath : null, files));
        return files;
    }

    private ExportedFile Copied(string name, string to, CancellationToken cancellationToken)
    {
        using var from = File.OpenHandle(Path.Combine(_folder, name));
        using ExportFile copy = new(Path.Combine(to, name));
        for (var piece = copy.Next(Piece); RandomAccess.Read(from, piece, copy.Length) is > 0 and var read; piece = copy.Next(Piece))
        {
            cancellationToken.ThrowIfCancellationRequested();
            copy.Write(piece, read);
        }
        return new(name, copy.Length, copy.Finish());
    }
}
