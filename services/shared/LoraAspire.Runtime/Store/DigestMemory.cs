using System.Text.Json;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Runtime.Stages;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Store;

/// <summary>
/// SHA-256 of files by (path, size, inode, mtime, ctime), one small file each, shared by all processes on the store. Only a way to save
/// time: what can't be read is hashed again, and what can't be written is not remembered.
/// </summary>
internal sealed class DigestMemory(string folder, ILogger log)
{
    private bool _saidWhyNot;

    /// <param name="path">Real or full: the same file by another path is hashed once more.</param>
    /// <exception cref="StageException">Somebody is writing the file; transient.</exception>
    public string Of(string path, HashMeter? meter, CancellationToken cancellationToken)
    {
        var began = TimeProvider.System.GetUtcNow();
        var stamp = FileStamp.Of(path);
        if (Recall(path) is { } seen && seen.Stamp == stamp)
        {
            meter?.Add(stamp.Size);
            return seen.Sha256;
        }
        var digest = FileDigest.Of(path, null, meter, cancellationToken);
        if (FileStamp.Of(path) is var after && (after.Size, after.Inode, after.Modified) != (stamp.Size, stamp.Inode, stamp.Modified))
        {
            throw new StageException($"{path} was written while it was read. Wait until it is complete, then submit again.",
                transient: true);
        }
        // In the same tick another write could leave the same stamp.
        if (after == stamp && stamp.IsSettled(began))
        {
            Remember(path, stamp, digest);
        }
        return digest;
    }

    public void Remember(string path, FileStamp stamp, string digest)
    {
        var temporary = $"{FileOf(path)}.{Guid.NewGuid():N}";
        try
        {
            PrivateFolder.Create(folder);
            File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(new Seen(path, stamp, digest), MessageFormat.Json));
            File.Move(temporary, FileOf(path), overwrite: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (!_saidWhyNot)
            {
                _saidWhyNot = true;
                log.LogWarning("Digests can't be remembered, so that files are hashed at every use: {Error}", error.Message);
            }
        }
    }

    private Seen? Recall(string path)
    {
        try
        {
            return JsonSerializer.Deserialize<Seen>(File.ReadAllBytes(FileOf(path)), MessageFormat.Json) is { } seen && seen.Path == path
                && Identifiers.IsDigest(seen.Sha256) ? seen : null;
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private string FileOf(string path) => Path.Combine(folder, FileDigest.OfText(path) + ".json");

    internal sealed record Seen(string Path, FileStamp Stamp, string Sha256);
}
