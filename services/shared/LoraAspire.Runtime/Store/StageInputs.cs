using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>
/// What one order reads: found and verified by content before its stage, kept from being removed while it runs, and looked at again after
/// it. A result is only worth keeping when its inputs were the planned ones from the first byte to the last.
/// </summary>
public sealed class StageInputs : IDisposable
{
    private readonly StageOrder _order;
    private readonly ArtifactStore _store;
    private readonly ContentDigests _digests;
    private readonly List<IDisposable> _leases = [];
    private readonly Dictionary<string, Dictionary<string, FileStamp>> _stamps = [];

    private StageInputs(StageOrder order, ArtifactStore store, ContentDigests digests) =>
        (_order, _store, _digests) = (order, store, digests);

    /// <summary>Input name → folder.</summary>
    public IReadOnlyDictionary<string, string> Folders { get; private set; } = new Dictionary<string, string>();

    /// <summary>An input's files → SHA-256. What was hashed when this was opened isn't hashed again.</summary>
    public IReadOnlyDictionary<string, string> FileDigests(string input, CancellationToken cancellationToken) =>
        _order.Inputs[input].Model is { } model ? _digests.FilesOfModel(model, null, cancellationToken)
            : _store.Manifest(_order.Inputs[input].Digest).Files.ToDictionary(file => file.Path, file => file.Sha256);

    /// <exception cref="LostArtifactException">An input isn't in the store any more, or was damaged and has been set aside.</exception>
    /// <exception cref="StageException">A model or a data file isn't what the run was planned with, or can't be used.</exception>
    /// <exception cref="StoreException">An input is another kind of artifact than the stage takes.</exception>
    public static StageInputs Open(
        StageOrder order, StageKind kind, ArtifactStore store, ContentDigests digests, IProgress<StageProgress> report,
        CancellationToken cancellationToken)
    {
        StageInputs inputs = new(order, store, digests);
        try
        {
            CheckReport progress = new(report);
            inputs.Folders = order.Inputs.ToDictionary(input => input.Key,
                input => inputs.Find(input.Key, input.Value, kind, progress, cancellationToken));
            foreach (var (path, digest) in order.DataFiles)
            {
                inputs._stamps[path] = new() { [""] = digests.StampOfData(path) };
                Require(path, digest, digests.OfData(path, progress, cancellationToken));
            }
            return inputs;
        }
        catch
        {
            inputs.Dispose();
            throw;
        }
    }

    /// <summary>After the stage, before anything of it is published.</summary>
    /// <exception cref="LostArtifactException">An artifact was changed or removed meanwhile.</exception>
    /// <exception cref="StageException">A model or a data file was written meanwhile. Transient when it holds the planned bytes
    /// again.</exception>
    public void RequireUnchanged(CancellationToken cancellationToken)
    {
        foreach (var (_, input) in _order.Inputs)
        {
            if (input.Model is { } model)
            {
                Require($"model:{model}", input.Digest, _digests.OfModel(model, null, cancellationToken));
                RequireUnwritten($"model:{model}", _digests.StampsOfModel(model));
            }
            else
            {
                _store.Verified(input.Digest, null, cancellationToken);
                RequireUnwritten($"artifact {input.Digest}", _store.StampsOf(input.Digest));
            }
        }
        foreach (var (path, digest) in _order.DataFiles)
        {
            Require(path, digest, _digests.OfData(path, null, cancellationToken));
            RequireUnwritten(path, new Dictionary<string, FileStamp> { [""] = _digests.StampOfData(path) });
        }
    }

    public void Dispose() => _leases.ForEach(lease => lease.Dispose());

    private string Find(string name, InputArtifact input, StageKind kind, CheckReport progress, CancellationToken cancellationToken)
    {
        if (input.Model is { } model)
        {
            _stamps[$"model:{model}"] = new(_digests.StampsOfModel(model));
            Require($"model:{model}", input.Digest, _digests.OfModel(model, progress, cancellationToken));
            return _digests.ModelFolder(model);
        }
        if (_store.Use(input.Digest, cancellationToken) is { } lease)
        {
            _leases.Add(lease);
        }
        var folder = _store.Verified(input.Digest, progress, cancellationToken);
        _stamps[$"artifact {input.Digest}"] = new(_store.StampsOf(input.Digest));
        var given = _store.Manifest(input.Digest).Kind;
        return kind.Input(name) is { } port && !port.Takes(given)
            ? throw new StoreException($"Input '{name}' of {kind.Name} is {given.ToString().ToLowerInvariant()} {input.Digest}, "
                + $"where {port.TakenWords()} is taken.")
            : folder;
    }

    /// <summary>
    /// The same bytes may have been others in between: only a file that nobody wrote is sure to have been read as planned.
    /// </summary>
    private void RequireUnwritten(string what, IReadOnlyDictionary<string, FileStamp> now)
    {
        static (long, ulong, long) Written(FileStamp stamp) => (stamp.Size, stamp.Inode, stamp.Modified);
        var before = _stamps[what];
        if (before.Count != now.Count
            || before.Any(file => !now.TryGetValue(file.Key, out var stamp) || Written(stamp) != Written(file.Value)))
        {
            throw new StageException($"{what} was written while the stage read it, so that its result can't be trusted. Leave it alone "
                + "while it is read, and submit again.", transient: true);
        }
    }

    private static void Require(string what, string planned, string now)
    {
        if (planned != now)
        {
            throw new StageException($"{what} was changed after the run was submitted. Submit it again to use it as it is now.");
        }
    }
}
