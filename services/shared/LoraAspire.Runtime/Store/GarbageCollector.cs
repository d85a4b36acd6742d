using System.Text.Json;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Messages;

namespace LoraAspire.Runtime.Store;

/// <summary>
/// Finds, and removes, what nobody needs. Needed is an artifact that was used since a given time, that a needed cache entry or a run names,
/// that is served, or that a link of the user's leads to. Services may go on meanwhile: whoever uses something notes the time under a lock,
/// and what is to be removed is looked at once more under the same lock.
/// </summary>
public sealed class GarbageCollector(string store, TimeProvider clock)
{
    /// <summary>What was used this lately is always kept, since a run may be between finding a result and taking it.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromHours(1);

    private const string LockName = ".lock";

    private string Trash => Path.Combine(store, "trash");
    private string At(string folder) => Path.Combine(store, folder);

    /// <param name="since">What was used later is kept; at the latest <see cref="Grace"/> ago.</param>
    /// <param name="needs">What the runs need besides.</param>
    /// <param name="links">A folder of links to artifacts that people go by.</param>
    /// <param name="delete">Else only looks.</param>
    /// <exception cref="StoreException">Another gc is removing things.</exception>
    public GarbageReport Collect(DateTimeOffset since, RunNeeds needs, string links, bool delete)
    {
        var grace = clock.GetUtcNow() - Grace;
        since = since < grace ? since : grace;
        using var alone = !delete || !Directory.Exists(store) ? null
            : KeyLock.TryTake(At("gc.lock")) ?? throw new StoreException($"Another gc is at work in {store}.");
        Sweep sweep = new(delete, Trash);
        // Entries first: what one names is needed as long as the entry is.
        var named = Entries(since, sweep);
        var (kept, keptBytes) = Artifacts(since, [.. named, .. needs.Artifacts, .. Served(), .. Linked(links)], sweep);
        Checkpoints(since, needs.Keys, sweep);
        foreach (var folder in Folders("scratch").Where(folder => needs.Live?.Contains(Path.GetFileName(folder)) != true))
        {
            sweep.Take(GarbageKind.Scratch, folder, Sweep.NewestIn(folder), needs.Live is null ? since : grace);
        }
        Old(GarbageKind.Quarantine, [.. Folders("quarantine"), .. Files("quarantine")], since, sweep);
        Old(GarbageKind.Explanation, Folders("explain").SelectMany(folder => Directory.EnumerateFiles(folder)), since, sweep);
        Old(GarbageKind.Digest, Files("digests").Where(file => IsJson(file) && IsOfNothing(file)), grace, sweep);
        Old(GarbageKind.Leftover, Files("digests").Concat(Files("cache")).Concat(Files("serving"))
            .Where(file => !IsJson(file) || Path.GetFileName(file).StartsWith('.')), grace, sweep);
        if (delete && Directory.Exists(Trash))
        {
            Directory.Delete(Trash, recursive: true); // with what a gc left that was killed
        }
        return new(sweep.Found, sweep.Removed, sweep.InUse, kept, keptBytes);
    }

    /// <returns>Digests that entries in use name.</returns>
    private HashSet<string> Entries(DateTimeOffset since, Sweep sweep)
    {
        HashSet<string> named = [];
        foreach (var entry in Files("cache").Where(IsJson))
        {
            if (!sweep.TakeEntry(entry, since))
            {
                named.UnionWith(NamedBy(entry));
            }
        }
        return named;
    }

    private (int Count, long Bytes) Artifacts(DateTimeOffset since, HashSet<string> needed, Sweep sweep)
    {
        var (kept, bytes) = (0, 0L);
        foreach (var folder in Folders("objects"))
        {
            if (needed.Contains(Path.GetFileName(folder)) || !sweep.TakeArtifact(folder, since))
            {
                (kept, bytes) = (kept + 1, bytes + Sweep.SizeOf(folder));
            }
        }
        return (kept, bytes);
    }

    private void Checkpoints(DateTimeOffset since, IReadOnlySet<string> keys, Sweep sweep)
    {
        foreach (var folder in Folders("checkpoints").Where(folder => !keys.Contains(Path.GetFileName(folder))))
        {
            sweep.TakeLocked(GarbageKind.Checkpoint, folder, folder + LockName, Sweep.NewestIn(folder), since);
        }
        foreach (var file in Files("checkpoints")
            .Where(file => file.EndsWith(LockName, StringComparison.Ordinal) && !Directory.Exists(file[..^LockName.Length])))
        {
            sweep.TakeLocked(GarbageKind.Leftover, file, file, LastUse.Of(file), since);
        }
    }

    private static void Old(GarbageKind kind, IEnumerable<string> paths, DateTimeOffset since, Sweep sweep)
    {
        foreach (var path in paths.ToList())
        {
            sweep.Take(kind, path, LastUse.Of(path), since);
        }
    }

    private IEnumerable<string> Served() => new Deployments(store).List()
        .SelectMany(deployment => new[] { deployment.Folder, deployment.Adapter }).OfType<string>()
        .Select(folder => Path.GetFileName(folder));

    private static IEnumerable<string> Linked(string links) =>
        Directory.Exists(links) ? Directory.EnumerateFileSystemEntries(links)
            .Select(link => Path.GetFileName(new FileInfo(link).LinkTarget ?? "")).Where(Identifiers.IsDigest) : [];

    private static IEnumerable<string> NamedBy(string entry)
    {
        try
        {
            return JsonSerializer.Deserialize<ResultCache.CacheEntry>(File.ReadAllBytes(entry), MessageFormat.Json)?.Outputs?.Values ?? [];
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            return []; // a miss, whoever asks for it
        }
    }

    /// <summary>Whether a remembered digest is of a file that is gone.</summary>
    private static bool IsOfNothing(string memory)
    {
        try
        {
            return JsonSerializer.Deserialize<DigestMemory.Seen>(File.ReadAllBytes(memory), MessageFormat.Json) is not { Path: { } path }
                || !File.Exists(path);
        }
        catch (Exception error) when (error is JsonException or IOException or UnauthorizedAccessException)
        {
            return true;
        }
    }

    private IEnumerable<string> Folders(string folder) => Directory.Exists(At(folder)) ? Directory.EnumerateDirectories(At(folder)) : [];

    private IEnumerable<string> Files(string folder) => Directory.Exists(At(folder)) ? Directory.EnumerateFiles(At(folder)) : [];

    private static bool IsJson(string file) => file.EndsWith(".json", StringComparison.Ordinal);
}
