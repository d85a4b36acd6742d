using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Weights;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Chat.Models;

/// <summary>A model that can be asked for, under its id; of an adapter, with its base.</summary>
public sealed record ServedModel(string Id, ModelSource Source, DateTimeOffset Created);

/// <summary>
/// The models there are: what chat stages deployed (kept in the store, so that a restart keeps them), and the folders of LORA_MODELS that
/// hold weights. A deployed name wins. The newest deployed one stands first, which is who talks where nobody is asked for; folders follow
/// by name.
/// </summary>
public sealed class ModelCatalog(LoraPaths paths, ILogger<ArtifactStore> log)
{
    private readonly Deployments _deployments = new(paths.Store);
    private readonly ArtifactStore _store = new(paths.Store, log);

    public IReadOnlyList<ServedModel> List() =>
    [
        .. Deployed().OrderByDescending(model => model.Created)
            .Concat(OnDisk().OrderBy(model => model.Id, StringComparer.Ordinal)).DistinctBy(model => model.Id),
    ];

    public ServedModel? Find(string id) => List().FirstOrDefault(model => model.Id == id);

    /// <summary>Serves it under this name from now on, in place of what had it before.</summary>
    /// <exception cref="ArgumentException">The name can't be a file's name.</exception>
    public void Deploy(string name, ModelSource source) =>
        _deployments.Deploy(name, source.Folder, source.Adapter, source.Weights.ToString().ToLowerInvariant());

    /// <summary>Serves a deployed name no longer; its folders stay.</summary>
    /// <returns>False where there is none.</returns>
    public bool Undeploy(string name) => _deployments.Undeploy(name);

    /// <summary>
    /// Holds an artifact of the store to its digest before it is loaded; its files are hashed once. A folder of the user's own is taken as
    /// it is.
    /// </summary>
    /// <exception cref="ModelException">It was damaged, and has been set aside.</exception>
    public void Verify(ServedModel model, CancellationToken cancellationToken)
    {
        foreach (var folder in new[] { model.Source.Folder, model.Source.Adapter }.OfType<string>())
        {
            var digest = Path.GetFileName(folder);
            try
            {
                if (folder == Path.Combine(paths.Store, "objects", digest))
                {
                    _store.Verified(digest, null, cancellationToken);
                }
            }
            catch (LostArtifactException lost)
            {
                throw new ModelException(lost.Message, lost);
            }
        }
    }

    private IEnumerable<ServedModel> Deployed() => _deployments.List()
        .Select(deployment => new ServedModel(deployment.Name, new(InStore(deployment.Folder),
            deployment.Adapter is { } adapter ? InStore(adapter) : null,
            Enum.TryParse<WeightFormat>(deployment.Weights, ignoreCase: true, out var weights) ? weights : WeightFormat.Auto),
            deployment.Created))
        .Where(model => WeightFiles.Exist(model.Source.Folder) && (model.Source.Adapter is not { } adapter || Directory.Exists(adapter)));

    private string InStore(string folder) => Path.GetFullPath(Path.Combine(paths.Store, folder));

    private IEnumerable<ServedModel> OnDisk() =>
        Directory.Exists(paths.Models)
            ? Directory.EnumerateDirectories(paths.Models).Where(WeightFiles.Exist)
                .Select(folder => new ServedModel(Path.GetFileName(folder), new(folder), Directory.GetLastWriteTimeUtc(folder)))
            : [];
}
