using LoraAspire.Model.Export.Gguf;
using LoraAspire.Model.Export.Ollama;
using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Export;

/// <summary>
/// A model, or an adapter and its base, in a form that other programs take: GGUF files with Ollama's Modelfile, or a folder for Hugging
/// Face. What can be known to be wrong is found when it is opened. Needs no libtorch.
/// </summary>
public sealed class ModelExport : IDisposable
{
    private readonly ExportOptions _options;
    private readonly ModelGguf? _model;
    private readonly AdapterGguf? _adapter;
    private readonly HuggingFaceFiles? _files;
    private readonly Modelfile? _modelfile;
    private readonly List<string> _remarks = [];

    private ModelExport(string modelFolder, string? adapterFolder, ExportOptions options)
    {
        _options = options;
        var config = ModelConfig.Load(modelFolder);
        if (options.IsHuggingFace)
        {
            _files = new(adapterFolder ?? modelFolder, isAdapter: adapterFolder is not null);
            return;
        }
        if (options.From is not null && adapterFolder is null)
        {
            throw new ModelException("from: only an adapter is laid over a model that Ollama has; this export has none.");
        }
        // Over a model that Ollama has, none of the base's weights are written.
        if (options.From is null && ModelFiles.QuantizationOf(modelFolder) is { } method)
        {
            throw new ModelException($"{modelFolder} is quantised in its files ({method}), and GGUF is written from whole weights: "
                + "export the unquantised model, with type: q8_0 or q4_0 if it is to be small.");
        }
        var tokenizer = HfTokenizer.Load(modelFolder);
        var dialogue = Dialogue.Of(adapterFolder is null ? [modelFolder] : [adapterFolder, modelFolder], tokenizer);
        try
        {
            if (adapterFolder is not null)
            {
                _adapter = new(adapterFolder, modelFolder, options.Name, options.Type);
            }
            _model = options.From is null ? new(modelFolder, options.Name, options.Type, dialogue, tokenizer) : null;
        }
        catch
        {
            Dispose();
            throw;
        }
        _modelfile = new(options.From ?? "./" + ModelName)
        {
            Adapter = _adapter is null ? null : "./" + AdapterName,
            Dialogue = dialogue,
            System = options.System,
            Context = config.MaxPositionEmbeddings,
            Parameters = Modelfile.ParametersOf(modelFolder),
        };
        _remarks.AddRange(_model?.Remarks ?? []);
        _remarks.AddRange(_modelfile.Remarks);
    }

    /// <param name="adapterFolder">LoRA on this model; null exports the model alone.</param>
    /// <exception cref="ModelException">A broken folder, or what the form can't hold; the message says why.</exception>
    public static ModelExport Open(string modelFolder, string? adapterFolder, ExportOptions options)
    {
        options.Require();
        return new(modelFolder, adapterFolder, options);
    }

    /// <summary>What it will take on the disk while it is written: a zip file stands beside its files then.</summary>
    public long Bytes => ((_model?.Bytes ?? 0) + (_adapter?.Bytes ?? 0) + (_files?.Bytes ?? 0)) * (_options.IsZip ? 2 : 1);

    /// <summary>What is otherwise than in the folder, in words.</summary>
    public IReadOnlyList<string> Remarks => _remarks;

    private string ModelName => $"{_options.Name}{(_adapter is null ? "" : "-base")}-{_options.Type.Label()}.gguf";

    private string AdapterName =>
        $"{_options.Name}-lora-{(_options.Type.IsQuantized() ? GgmlType.F16 : _options.Type).Label()}.gguf";

    /// <summary>Writes the files, or the zip file of them, into a folder that is there. Each has its name only when it is whole.</summary>
    /// <param name="progress">Told how many parts of how many are written.</param>
    /// <returns>The files, also where they are in a zip file.</returns>
    /// <exception cref="IOException">No space, no permission.</exception>
    public IReadOnlyList<ExportedFile> Write(string folder, Action<long, long>? progress, CancellationToken cancellationToken)
    {
        if (!_options.IsZip)
        {
            return WriteFiles(folder, progress, cancellationToken);
        }
        var loose = Directory.CreateDirectory(Path.Combine(folder, "files"));
        var files = WriteFiles(loose.FullName, progress, cancellationToken);
        ExportArchive.Write(loose.FullName, Path.Combine(folder, _options.Name + ".zip"), cancellationToken);
        loose.Delete(recursive: true);
        return files;
    }

    private IReadOnlyList<ExportedFile> WriteFiles(string folder, Action<long, long>? progress, CancellationToken cancellationToken)
    {
        long done = 0, total = (_model?.Tensors ?? 0) + (_adapter?.Tensors ?? 0) + (_files?.Count ?? 0);
        void Written() => progress?.Invoke(++done, total);
        if (_files is not null)
        {
            return _files.Write(folder, _options.Name, Written, cancellationToken);
        }
        List<ExportedFile> files = [];
        if (_model is not null)
        {
            files.Add(_model.Write(Path.Combine(folder, ModelName), Written, cancellationToken));
        }
        if (_adapter is not null)
        {
            files.Add(_adapter.Write(Path.Combine(folder, AdapterName), Written, cancellationToken));
        }
        File.WriteAllText(Path.Combine(folder, Modelfile.FileName), _modelfile!.ToString());
        File.WriteAllText(Path.Combine(folder, ModelCard.FileName), ModelCard.OfGguf(_options, files, _adapter is not null, _remarks));
        return files;
    }

    public void Dispose()
    {
        _model?.Dispose();
        _adapter?.Dispose();
    }
}
