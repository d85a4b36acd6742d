using System.Text.Json;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Runtime.Store;

/// <summary>Artifacts by digest on one shared file system. What is published is never written again.</summary>
public sealed class ArtifactStore(string root)
{
    public string Root => root;

    private string Objects => Path.Combine(root, "objects");
    private string CacheFile(string key) => Path.Combine(root, "cache", key + ".json");

    public string CheckpointDir(string key) => Path.Combine(root, "checkpoints", key);
    public string StageCache(StageKind kind) => Path.Combine(root, "cache", kind.Name);
    public string RunScratch(string run) => Path.Combine(root, "scratch", run);
    public string StageScratch(string run, string stage) => Path.Combine(RunScratch(run), stage);

    /// <summary>The read-only folder of an artifact.</summary>
    /// <exception cref="StoreException">The store holds no whole artifact of this digest.</exception>
    public string Folder(string digest) =>
        Holds(digest) ? Path.Combine(Objects, digest) : throw new StoreException($"The store {root} holds no whole artifact {digest}. Run the pipeline again: what is missing is made again.");

    /// <exception cref="StoreException">As <see cref="Folder"/>.</exception>
    public Manifest Manifest(string digest) =>
        JsonSerializer.Deserialize<Manifest>(File.ReadAllBytes(Path.Combine(Folder(digest), Store.Manifest.FileName)), Wire.Json)!;

    /// <summary>Whether the artifact is there with every file at its size and a manifest of this very digest.</summary>
    public bool Holds(string digest)
    {
        var folder = Path.Combine(Objects, digest);
        var path = Path.Combine(folder, Store.Manifest.FileName);
        if (!File.Exists(path))
        {
            return false;
        }
        var bytes = File.ReadAllBytes(path);
        return Store.Manifest.DigestOf(bytes) == digest
            && JsonSerializer.Deserialize<Manifest>(bytes, Wire.Json)!.Files.All(file =>
                new FileInfo(Path.Combine(folder, file.Path)) is { Exists: true } info && info.Length == file.Size);
    }

    /// <summary>Takes a folder of the scratch into the store by renaming it, and returns its digest. The folder is gone afterwards.</summary>
    public string Publish(string scratch, ArtifactKind kind, string producer)
    {
        var bytes = Store.Manifest.Of(scratch, kind, producer).ToBytes();
        var digest = Store.Manifest.DigestOf(bytes);
        if (Holds(digest))
        {
            Directory.Delete(scratch, recursive: true);
            return digest;
        }
        File.WriteAllBytes(Path.Combine(scratch, Store.Manifest.FileName), bytes);
        foreach (var file in Directory.GetFiles(scratch, "*", SearchOption.AllDirectories))
        {
            File.SetAttributes(file, FileAttributes.ReadOnly);
        }
        Directory.CreateDirectory(Objects);
        var target = Path.Combine(Objects, digest);
        if (Directory.Exists(target) && !Holds(digest))
        {
            // Someone took files away; what is left cannot be trusted to be whole.
            Directory.Delete(target, recursive: true);
        }
        try
        {
            Directory.Move(scratch, target);
        }
        catch (IOException) when (Holds(digest))
        {
            Directory.Delete(scratch, recursive: true);
        }
        return digest;
    }

    /// <summary>The outputs that this key gave before, if the store still holds all of them. An unreadable entry is a miss and is removed.</summary>
    public IReadOnlyDictionary<string, string>? Cached(string key)
    {
        try
        {
            var entry = JsonSerializer.Deserialize<CacheEntry>(File.ReadAllBytes(CacheFile(key)), Wire.Json);
            if (entry is not null && entry.Outputs.Values.All(Holds))
            {
                return entry.Outputs;
            }
        }
        catch (JsonException)
        {
            // Removed below, as is one whose artifacts are gone.
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        File.Delete(CacheFile(key));
        return null;
    }

    /// <summary>Remembers what a key gives; the first to say so wins, and its outputs are returned.</summary>
    public IReadOnlyDictionary<string, string> Remember(string key, IReadOnlyDictionary<string, string> outputs)
    {
        var temporary = CacheFile($".{Guid.NewGuid():N}");
        Directory.CreateDirectory(Path.GetDirectoryName(temporary)!);
        File.WriteAllBytes(temporary, JsonSerializer.SerializeToUtf8Bytes(new CacheEntry(outputs), Wire.Json));
        try
        {
            // Without overwrite, Unix moves by link and unlink: it fails when the entry exists.
            File.Move(temporary, CacheFile(key), overwrite: false);
            return outputs;
        }
        catch (IOException) when (File.Exists(CacheFile(key)))
        {
            File.Delete(temporary);
            return Cached(key) ?? Remember(key, outputs);
        }
    }

    private sealed record CacheEntry(IReadOnlyDictionary<string, string> Outputs);
}
