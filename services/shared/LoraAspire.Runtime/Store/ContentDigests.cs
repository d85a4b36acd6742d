using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>Digests of what users keep outside the store. A file is read again only when its size or time changed.</summary>
public sealed class ContentDigests(LoraPaths paths)
{
    private string Memory => Path.Combine(paths.Store, "digests");

    /// <summary>For the check of a pipeline: which of the files and models that it names are there.</summary>
    public Surroundings Around => new(path => Problem(() => new DataRoot(paths.Data).Resolve(path)), name => Problem(() => ModelFolder(name)));

    private static string? Problem(Func<string> find)
    {
        try
        {
            find();
            return null;
        }
        catch (StageException missing)
        {
            return missing.Message;
        }
    }

    /// <summary>The folder that <c>model:NAME</c> means.</summary>
    /// <exception cref="StageException">There is none, or the name leaves the models root.</exception>
    public string ModelFolder(string name)
    {
        var folder = Path.GetFullPath(Path.Combine(paths.Models, name));
        if (Path.GetDirectoryName(folder) != Path.TrimEndingDirectorySeparator(paths.Models))
        {
            throw new StageException($"'model:{name}' leaves the models root {paths.Models}.");
        }
        return Directory.Exists(folder) ? folder : throw new StageException(
            $"No folder '{name}' under the models root {paths.Models}. Put the model's Hugging Face directory there (a link will do), or set LORA_MODELS. There is: "
            + (Directory.Exists(paths.Models) ? string.Join(", ", Directory.GetDirectories(paths.Models).Select(Path.GetFileName).Order().DefaultIfEmpty("nothing")) : "nothing"));
    }

    /// <summary>The digest of a model folder: every file but hidden ones, by relative path and content.</summary>
    public string OfModel(string name)
    {
        var folder = ModelFolder(name);
        var files = Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
            .Select(path => (path, name: Path.GetRelativePath(folder, path)))
            .Where(file => !file.name.Split('/').Any(part => part.StartsWith('.')))
            .OrderBy(file => file.name, StringComparer.Ordinal).ToList();
        return files.Count > 0
            ? FileDigest.OfText(string.Join('\n', files.AsParallel().AsOrdered().Select(file => $"{file.name}\0{OfFile(file.path)}")))
            : throw new StageException($"The model folder {folder} is empty.");
    }

    /// <summary>The digest of a file under the data root.</summary>
    public string OfData(string relative) => OfFile(new DataRoot(paths.Data).Resolve(relative));

    private string OfFile(string path)
    {
        FileSystemInfo link = new FileInfo(path);
        var file = new FileInfo((link.ResolveLinkTarget(returnFinalTarget: true) ?? link).FullName);
        var remembered = Path.Combine(Memory, FileDigest.OfText(file.FullName) + ".json");
        var now = (file.Length, file.LastWriteTimeUtc.Ticks);
        if (Recall(remembered) is { } seen && (seen.Size, seen.Ticks) == now)
        {
            return seen.Sha256;
        }
        var digest = FileDigest.Of(file.FullName);
        Directory.CreateDirectory(Memory);
        var temporary = $"{remembered}.{Guid.NewGuid():N}";
        File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(new Seen(file.FullName, now.Length, now.Ticks, digest), Wire.Json));
        File.Move(temporary, remembered, overwrite: true);
        return digest;
    }

    private static Seen? Recall(string path)
    {
        try
        {
            return File.Exists(path) ? JsonSerializer.Deserialize<Seen>(File.ReadAllBytes(path), Wire.Json) : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private sealed record Seen(string Path, long Size, long Ticks, string Sha256);
}
