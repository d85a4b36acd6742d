using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>Makes a folder of the scratch ready for its name: read-only, on the disk, hashed, with its manifest.</summary>
internal static class Publication
{
    private const long RoomForNames = 1 << 20; // the manifest, the cache entry, the folders' own blocks

    /// <returns>The manifest, and the stamps of those files whose digest can be remembered.</returns>
    public static (Manifest Manifest, IReadOnlyList<(string Name, FileStamp Stamp)> Stamps) Seal(
        string scratch, ArtifactKind kind, string producer, WrittenDigests digests, CancellationToken cancellationToken)
    {
        DiskSpace.Require(scratch, RoomForNames, "Publishing an artifact");
        var names = Manifest.FilesIn(scratch);
        if (names.Contains(Manifest.FileName))
        {
            throw new StoreException($"The stage wrote a file {Manifest.FileName}, which is the name of the store's own.");
        }
        foreach (var path in names.Select(name => Path.Combine(scratch, name)))
        {
            cancellationToken.ThrowIfCancellationRequested();
            Durable.SyncFile(path);
            File.SetUnixFileMode(path, PrivateFolder.PublishedMode);
        }
        // Stamps from here on: setting the mode changed them.
        var stamps = names.Select(name => (Name: name, Stamp: FileStamp.Of(Path.Combine(scratch, name)))).ToList();
        var manifest = Manifest.Of(scratch, kind, producer, digests, cancellationToken);
        var hashed = TimeProvider.System.GetUtcNow();
        var written = Path.Combine(scratch, Manifest.FileName);
        Durable.Write(written, manifest.ToBytes());
        File.SetUnixFileMode(written, PrivateFolder.PublishedMode);
        foreach (var folder in Directory.GetDirectories(scratch, "*", SearchOption.AllDirectories).Append(scratch))
        {
            File.SetUnixFileMode(folder, PrivateFolder.FolderMode);
            Durable.SyncFolder(folder);
        }
        return (manifest, [.. stamps.Where(file => file.Stamp.IsSettled(hashed))]);
    }
}
