using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>What an artifact consists of. Its digest names the artifact, so nothing in it may differ between two equal results.</summary>
/// <param name="Producer">Stage kind and version, as in trainer@2.</param>
public sealed record Manifest(ArtifactKind Kind, string Producer, IReadOnlyList<ManifestFile> Files)
{
    public const string FileName = "manifest.json";

    public byte[] ToBytes() => JsonSerializer.SerializeToUtf8Bytes(this, Wire.Json);

    public static string DigestOf(byte[] manifest) => Convert.ToHexStringLower(SHA256.HashData(manifest));

    /// <summary>Every file under <paramref name="folder"/>, hashed; in ordinal order of paths.</summary>
    /// <exception cref="StoreException">The folder is empty or holds a link.</exception>
    public static Manifest Of(string folder, ArtifactKind kind, string producer)
    {
        var paths = Directory.GetFiles(folder, "*", SearchOption.AllDirectories);
        if (paths.Length == 0)
        {
            throw new StoreException($"The stage gave an empty {kind.ToString().ToLowerInvariant()}: no file in {folder}.");
        }
        if (paths.FirstOrDefault(path => new FileInfo(path).LinkTarget is not null) is { } link)
        {
            throw new StoreException($"{link} is a link: an artifact holds its own bytes.");
        }
        var files = paths.AsParallel().Select(path => new ManifestFile(
            Path.GetRelativePath(folder, path).Replace(Path.DirectorySeparatorChar, '/'), new FileInfo(path).Length, FileDigest.Of(path)));
        return new(kind, producer, [.. files.OrderBy(file => file.Path, StringComparer.Ordinal)]);
    }
}

public sealed record ManifestFile(string Path, long Size, string Sha256);

/// <summary>The store cannot do what was asked, in words.</summary>
public sealed class StoreException(string message) : Exception(message);

internal static class FileDigest
{
    public static string Of(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 20, FileOptions.SequentialScan);
        return Convert.ToHexStringLower(SHA256.HashData(file));
    }

    public static string OfText(string text) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(text)));
}
