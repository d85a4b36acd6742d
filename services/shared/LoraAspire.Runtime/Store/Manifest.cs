using System.Text.Json;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>What an artifact consists of. Its digest names the artifact, so nothing in it may differ between two equal results.</summary>
/// <param name="Producer">Stage kind and version, as in trainer@2.</param>
public sealed record Manifest(ArtifactKind Kind, string Producer, IReadOnlyList<ManifestFile> Files)
{
    public const string FileName = "manifest.json";

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, MessageFormat.Json);

    public static string DigestOf(byte[] manifest) => FileDigest.OfBytes(manifest);

    /// <summary>Every file under <paramref name="folder"/>, hashed; in ordinal order of paths.</summary>
    /// <exception cref="StoreException">The folder is empty or holds a link, a pipe or a device. A hard link is a file.</exception>
    public static Manifest Of(string folder, ArtifactKind kind, string producer) =>
        Of(folder, kind, producer, new(), CancellationToken.None);

    /// <inheritdoc cref="Of(string, ArtifactKind, string)"/>
    /// <param name="digests">Of files that were hashed already.</param>
    internal static Manifest Of(string folder, ArtifactKind kind, string producer, WrittenDigests digests,
        CancellationToken cancellationToken)
    {
        var names = FilesIn(folder);
        if (names.Count == 0)
        {
            throw new StoreException($"The stage gave an empty {kind.ToString().ToLowerInvariant()}: no file in {folder}.");
        }
        return new(kind, producer, FileDigest.Each(names, name =>
        {
            var path = Path.Combine(folder, name);
            return new ManifestFile(name, new FileInfo(path).Length,
                digests.Of(path) ?? FileDigest.Of(path, null, null, cancellationToken));
        }, cancellationToken));
    }

    /// <summary>Relative paths with slashes, in ordinal order. No link is followed.</summary>
    /// <exception cref="StoreException">Something is neither a file nor a folder.</exception>
    internal static IReadOnlyList<string> FilesIn(string folder)
    {
        List<string> files = [];
        Walk(folder, "");
        files.Sort(StringComparer.Ordinal);
        return files;

        void Walk(string at, string prefix)
        {
            foreach (var path in Directory.EnumerateFileSystemEntries(at))
            {
                var name = prefix + Path.GetFileName(path);
                switch (FileEntry.At(path, follow: false).Kind)
                {
                    case FileKind.File:
                        files.Add(name);
                        break;
                    case FileKind.Folder:
                        Walk(path, name + "/");
                        break;
                    case var other:
                        throw new StoreException($"{path} is {other.Article()}: an artifact holds its own bytes.");
                }
            }
        }
    }

    /// <summary>Null when the bytes are no manifest, or name a file outside their folder.</summary>
    internal static Manifest? Read(byte[] bytes)
    {
        try
        {
            return JsonSerializer.Deserialize<Manifest>(bytes, MessageFormat.Json) is { Producer: not null, Files: { } files } manifest
                && files.All(IsSound) ? manifest : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static bool IsSound(ManifestFile? file) =>
        file is { Path: { Length: > 0 } path, Size: >= 0 } && Identifiers.IsDigest(file.Sha256)
            && path.Split('/').All(part => part is not ("" or "." or "..")) && !path.Contains('\0') && path != FileName;
}

public sealed record ManifestFile(string Path, long Size, string Sha256);

/// <summary>The store cannot do what was asked, in words.</summary>
public class StoreException(string message) : Exception(message);

/// <summary>
/// An artifact that was made is not in the store any more, or was damaged and has been set aside. Its stage can make it again.
/// </summary>
public sealed class LostArtifactException(string digest, string message) : StoreException(message)
{
    public string Digest => digest;
}
