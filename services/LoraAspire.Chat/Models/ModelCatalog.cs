using System.Text.Json;
using LoraAspire.Model;
using LoraAspire.Runtime;

namespace LoraAspire.Chat.Models;

/// <summary>A model that can be asked for, under its id.</summary>
public sealed record ServedModel(string Id, string Folder, DateTimeOffset Created);

/// <summary>
/// The models there are: what chat stages deployed (one file each under the store's <c>serving/</c>, so that a restart keeps them),
/// and the folders of LORA_MODELS that hold weights. A deployed name wins.
/// </summary>
public sealed class ModelCatalog(LoraPaths paths)
{
    private string Serving => Path.Combine(paths.Store, "serving");

    public IReadOnlyList<ServedModel> List() =>
        [.. Deployed().Concat(OnDisk()).DistinctBy(model => model.Id).OrderBy(model => model.Id, StringComparer.Ordinal)];

    public ServedModel? Find(string id) => List().FirstOrDefault(model => model.Id == id);

    /// <summary>Serves the folder under this name from now on, in place of what had it before.</summary>
    /// <exception cref="ArgumentException">The name can't be a file's name.</exception>
    public void Deploy(string name, string folder)
    {
        if (string.IsNullOrWhiteSpace(name) || name.StartsWith('.') || name.Any(letter => letter is '/' or '\\' || char.IsControl(letter)))
        {
            throw new ArgumentException($"model_name '{name}' can't be served: it must not be empty, start with a dot or hold slashes.");
        }
        Directory.CreateDirectory(Serving);
        var path = Path.Combine(Serving, name + ".json");
        var written = $"{path}.{Guid.NewGuid():N}";
        File.WriteAllText(written, JsonSerializer.Serialize(new Deployment(name, Path.GetRelativePath(paths.Store, folder), DateTimeOffset.UtcNow), JsonSerializerOptions.Web));
        File.Move(written, path, overwrite: true);
    }

    private IEnumerable<ServedModel> Deployed() =>
        Directory.Exists(Serving)
            ? Directory.EnumerateFiles(Serving, "*.json")
                .Select(file => JsonSerializer.Deserialize<Deployment>(File.ReadAllText(file), JsonSerializerOptions.Web)!)
                .Select(deployment => new ServedModel(deployment.Name, Path.GetFullPath(Path.Combine(paths.Store, deployment.Folder)), deployment.Created))
                .Where(model => WeightFiles.Exist(model.Folder))
            : [];

    private IEnumerable<ServedModel> OnDisk() =>
        Directory.Exists(paths.Models)
            ? Directory.EnumerateDirectories(paths.Models).Where(WeightFiles.Exist)
                .Select(folder => new ServedModel(Path.GetFileName(folder), folder, Directory.GetLastWriteTimeUtc(folder)))
            : [];

    /// <param name="Folder">Relative to the store; its artifacts are named by digest.</param>
    private sealed record Deployment(string Name, string Folder, DateTimeOffset Created);
}
