using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace LoraAspire.Runtime.Store;

/// <summary>
/// Artifacts by digest on one shared file system. What is published is never written again, is on the disk before it is named, and is
/// verified by content before a stage uses it; what is damaged is set aside, so that its stage makes it again.
/// </summary>
public sealed class ArtifactStore
{
    internal const string DigestsFolder = "digests";

    private readonly DigestMemory _memory;
    private readonly Quarantine? _quarantine;
    private readonly ResultCache _results;

    public ArtifactStore(string root, ILogger<ArtifactStore>? log = null)
    {
        Root = root;
        ILogger logger = log ?? NullLogger<ArtifactStore>.Instance;
        _memory = new(Path.Combine(root, DigestsFolder), logger);
        _quarantine = new(Path.Combine(root, "quarantine"), logger);
        _results = new(this, Path.Combine(root, "cache"), _quarantine);
    }

    private ArtifactStore(ArtifactStore store)
    {
        (Root, _memory) = (store.Root, store._memory);
        _results = new(this, Path.Combine(Root, "cache"), null);
    }

    public string Root { get; }

    /// <summary>
    /// This store for who only looks: what is damaged is found and stays where it is, and that something was looked at is no use of it.
    /// Digests that are computed are remembered.
    /// </summary>
    public ArtifactStore ToLookAt() => new(this);

    private string Objects => Path.Combine(Root, "objects");

    /// <exception cref="StoreException">The key is none; as for all paths here that are made from a name.</exception>
    public string CheckpointDir(string key) => Path.Combine(Root, "checkpoints", Checked("stage key", key, Identifiers.IsDigest));
    public string StageCache(StageKind kind) => Path.Combine(Root, "cache", kind.Name);
    public string RunScratch(string run) => Path.Combine(Root, "scratch", Checked("run id", run, Identifiers.IsRun));
    public string StageScratch(string run, string stage) => Path.Combine(RunScratch(run), Checked("stage id", stage, Identifiers.IsStage));
    public string ExplainFile(string pipeline, string stage) =>
        Path.Combine(Root, "explain", Checked("pipeline name", pipeline, Identifiers.IsPipeline),
            Checked("stage id", stage, Identifiers.IsStage) + ".json");

    /// <summary>
    /// The read-only folder of an artifact whose files are all there at their sizes. Fit for looking at; what is computed from asks for
    /// <see cref="Verified"/>.
    /// </summary>
    /// <exception cref="LostArtifactException">The store holds no whole artifact of this digest.</exception>
    public string Folder(string digest) => FolderOf(digest) is var folder && Holds(digest) ? folder : throw Lost(digest);

    /// <exception cref="LostArtifactException">As <see cref="Folder"/>.</exception>
    public Manifest Manifest(string digest) => ManifestOf(digest) ?? throw Lost(digest);

    /// <summary>Whether the artifact is there with every file at its size and a manifest of this very digest.</summary>
    public bool Holds(string digest)
    {
        try
        {
            return Identifiers.IsDigest(digest) && ManifestOf(digest) is { } manifest && manifest.Files.All(file =>
                new FileInfo(Path.Combine(FolderOf(digest), file.Path)) is { Exists: true } info && info.Length == file.Size);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    /// <summary>
    /// The read-only folder of an artifact whose every byte is what its manifest says. A file is hashed once, and again only when its stamp
    /// changed.
    /// </summary>
    /// <exception cref="LostArtifactException">It isn't there, or is damaged: then it has been set aside, and the log says so.</exception>
    public string Verified(string digest) => Verified(digest, null, CancellationToken.None);

    /// <inheritdoc cref="Verified(string)"/>
    public string Verified(string digest, IProgress<HashProgress>? progress, CancellationToken cancellationToken)
    {
        using var use = Use(digest, cancellationToken);
        var folder = FolderOf(digest);
        if (use is null)
        {
            throw Lost(digest);
        }
        if (Integrity.Damage(digest, folder, _memory, progress, cancellationToken) is { } damage)
        {
            _quarantine?.Take(folder, $"Artifact {digest} is damaged: {damage}.");
            throw new LostArtifactException(digest, $"The artifact {digest} was damaged ({damage})"
                + $"{(_quarantine is null ? "" : " and has been set aside")}. Its stage makes it again when a run needs it.");
        }
        return folder;
    }

    /// <summary>
    /// Takes a folder of the scratch into the store by renaming it, and returns its digest. The folder is gone afterwards.
    /// </summary>
    /// <exception cref="StoreException">The folder is empty, or holds a link or a file of the manifest's name.</exception>
    /// <exception cref="IOException">The disk is full or fails; nothing is published.</exception>
    public string Publish(string scratch, ArtifactKind kind, string producer) =>
        Publish(scratch, kind, producer, new(), CancellationToken.None);

    /// <inheritdoc cref="Publish(string, ArtifactKind, string)"/>
    /// <param name="digests">What the stage hashed while it wrote.</param>
    public string Publish(string scratch, ArtifactKind kind, string producer, WrittenDigests digests, CancellationToken cancellationToken)
    {
        var (manifest, stamps) = Publication.Seal(scratch, kind, producer, digests, cancellationToken);
        var digest = Store.Manifest.DigestOf(manifest.ToBytes());
        var target = FolderOf(digest);
        PrivateFolder.Create(Objects);
        while (!TryMove(scratch, target))
        {
            // The same was made before. Unless it has been damaged since, that one stays.
            try
            {
                Verified(digest, null, cancellationToken);
                Directory.Delete(scratch, recursive: true);
                return digest;
            }
            catch (LostArtifactException) when (!Directory.Exists(target))
            {
                // Set aside, or removed by a gc: its place is free.
            }
        }
        Durable.SyncFolder(Objects);
        foreach (var (name, stamp) in stamps)
        {
            _memory.Remember(Path.Combine(target, name), stamp, manifest.Files.First(file => file.Path == name).Sha256);
        }
        return digest;
    }

    /// <summary>
    /// The outputs that this key gave before, when the store still holds all of them undamaged. An entry that is unreadable, lacks an
    /// output, names one that the stage doesn't give, or points to another kind of artifact is a miss, is set aside, and the log says so.
    /// </summary>
    public IReadOnlyDictionary<string, string>? Cached(
        string key, StageKind kind, StageParams with, IProgress<HashProgress>? progress, CancellationToken cancellationToken) =>
        _results.Find(Checked("stage key", key, Identifiers.IsDigest), OutputsOf(kind, with), progress, cancellationToken);

    /// <summary>Remembers what a key gives; the first to say so wins, and its outputs are returned.</summary>
    public IReadOnlyDictionary<string, string> Remember(
        string key, StageKind kind, StageParams with, IReadOnlyDictionary<string, string> outputs, CancellationToken cancellationToken) =>
        _results.Add(Checked("stage key", key, Identifiers.IsDigest), OutputsOf(kind, with), outputs, cancellationToken);

    /// <summary>The outputs that a stage with these parameters gives, each with its kind.</summary>
    public static IReadOnlyDictionary<string, ArtifactKind> OutputsOf(StageKind kind, StageParams with) =>
        kind.Outputs.Where(port => with.Gives(port.Name)).ToDictionary(port => port.Name, port => port.Artifact);

    /// <summary>Keeps an artifact from being removed while it is in use, and notes that it was. Null when it isn't there.</summary>
    internal FolderLease? Use(string digest, CancellationToken cancellationToken)
    {
        var lease = FolderLease.TryShare(FolderOf(digest), cancellationToken);
        if (lease is not null && _quarantine is not null)
        {
            LastUse.Note(FolderOf(digest));
        }
        return lease;
    }

    /// <summary>Stamps of an artifact's files.</summary>
    internal IReadOnlyDictionary<string, FileStamp> StampsOf(string digest) =>
        Manifest(digest).Files.ToDictionary(file => file.Path, file => FileStamp.Of(Path.Combine(FolderOf(digest), file.Path)));

    /// <summary>What .NET says of a place that is taken; faults of the disk carry the system's own numbers.</summary>
    private const int AlreadyExists = unchecked((int)0x80131620); // COR_E_IO

    private static bool TryMove(string from, string to)
    {
        try
        {
            Directory.Move(from, to);
            return true;
        }
        catch (IOException error) when (Directory.Exists(to) || error.HResult == AlreadyExists)
        {
            return false; // also where a gc has removed it again since
        }
    }

    private Manifest? ManifestOf(string digest)
    {
        var path = Path.Combine(FolderOf(digest), Store.Manifest.FileName);
        return File.Exists(path) && File.ReadAllBytes(path) is var bytes && Store.Manifest.DigestOf(bytes) == digest
            ? Store.Manifest.Read(bytes) : null;
    }

    private string FolderOf(string digest) => Path.Combine(Objects, Checked("artifact's digest", digest, Identifiers.IsDigest));

    private LostArtifactException Lost(string digest) =>
        new(digest, $"The store {Root} holds no whole artifact {digest}. Run the pipeline again: what is missing is made again.");

    private static string Checked(string what, string text, Func<string, bool> isSound) =>
        isSound(text) ? text : throw new StoreException($"'{Identifiers.Shown(text)}' is no {what}.");
}
