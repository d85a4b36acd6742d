using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace LoraAspire.Runtime.Store;

/// <summary>
/// Digests of what users keep outside the store: base models and data files. A file is read again only when its stamp changed.
/// </summary>
public sealed class ContentDigests(LoraPaths paths, ILogger<ContentDigests>? log = null)
{
    private readonly DigestMemory _memory =
        new(Path.Combine(paths.Store, ArtifactStore.DigestsFolder), log ?? NullLogger<ContentDigests>.Instance);

    /// <summary>
    /// For the check of a pipeline: which of the files and models that it names are there, and can be used. Nothing is hashed.
    /// </summary>
    public ReferenceCheck References =>
        new(path => Problem(() => new DataRoot(paths.Data).Resolve(path)), name => Problem(() => Files(name)));

    private static string? Problem(Action find)
    {
        try
        {
            find();
            return null;
        }
        catch (Exception error)
        {
            return Failure.Of(error).Words;
        }
    }

    /// <summary>The folder that <c>model:NAME</c> means.</summary>
    /// <exception cref="StageException">There is none, or the name leaves the models root.</exception>
    public string ModelFolder(string name)
    {
        if (!Identifiers.IsModel(name))
        {
            throw new StageException($"'model:{Identifiers.Shown(name)}' names no folder directly under the models root {paths.Models}.");
        }
        var folder = Path.Combine(paths.Models, name);
        return Directory.Exists(folder) ? folder : throw new StageException(
            $"No folder '{name}' under the models root {paths.Models}. Put the model's Hugging Face directory there (a link will do), or "
                + "set LORA_MODELS. There is: "
            + (Directory.Exists(paths.Models) ? string.Join(", ",
                Directory.GetDirectories(paths.Models).Select(Path.GetFileName).Order().DefaultIfEmpty("nothing")) : "nothing"));
    }

    /// <summary>The digest of a model folder: every file but hidden ones, by relative path and content.</summary>
    /// <exception cref="StageException">As <see cref="ModelFolder"/>; or the folder holds what a model doesn't, such as a link out of it or
    /// a pipe; or it is being written.</exception>
    public string OfModel(string name) => OfModel(name, null, CancellationToken.None);

    /// <inheritdoc cref="OfModel(string)"/>
    public string OfModel(string name, IProgress<HashProgress>? progress, CancellationToken cancellationToken) =>
        FileDigest.OfText(string.Join('\n', FilesOfModel(name, progress, cancellationToken)
            .OrderBy(file => file.Key, StringComparer.Ordinal).Select(file => $"{file.Key}\0{file.Value}")));

    /// <summary>Name → digest of each file of a model folder.</summary>
    /// <exception cref="StageException">As <see cref="OfModel(string)"/>.</exception>
    public IReadOnlyDictionary<string, string> FilesOfModel(string name, IProgress<HashProgress>? progress,
        CancellationToken cancellationToken)
    {
        var files = Files(name);
        HashMeter meter = new(files.Sum(file => FileStamp.Of(file.Path).Size), progress);
        return FileDigest.Each(files, file => (file.Name, Sha256: _memory.Of(file.Path, meter, cancellationToken)), cancellationToken)
            .ToDictionary(file => file.Name, file => file.Sha256);
    }

    /// <summary>The digest of a file under the data root.</summary>
    /// <exception cref="StageException">As <see cref="DataRoot.Resolve"/>; or the file is being written.</exception>
    public string OfData(string relative) => OfData(relative, null, CancellationToken.None);

    /// <inheritdoc cref="OfData(string)"/>
    public string OfData(string relative, IProgress<HashProgress>? progress, CancellationToken cancellationToken)
    {
        var path = RealPath.Of(new DataRoot(paths.Data).Resolve(relative));
        return _memory.Of(path, new HashMeter(FileStamp.Of(path).Size, progress), cancellationToken);
    }

    /// <summary>The stamps of a model's files, and of a data file: what was looked at before a stage is looked at again after it.</summary>
    internal IReadOnlyDictionary<string, FileStamp> StampsOfModel(string name) =>
        Files(name).ToDictionary(file => file.Name, file => FileStamp.Of(file.Path));

    internal FileStamp StampOfData(string relative) => FileStamp.Of(RealPath.Of(new DataRoot(paths.Data).Resolve(relative)));

    private IReadOnlyList<(string Name, string Path)> Files(string name) => Store.ModelFolder.Files(name, ModelFolder(name), paths.Models);
}
