namespace LoraAspire.Runtime.Store;

public enum GarbageKind { Artifact, CacheEntry, Checkpoint, Scratch, Quarantine, Explanation, Digest, Leftover }

/// <summary>A file or folder of the store that nobody needs.</summary>
/// <param name="Bytes">Of all files in it.</param>
public sealed record Garbage(GarbageKind Kind, string Path, long Bytes, DateTimeOffset LastUsed);

/// <summary>What a gc found, and what became of it.</summary>
/// <param name="Removed">Empty when it only looked.</param>
/// <param name="InUse">Found, but somebody was using it when it was to be removed.</param>
/// <param name="Kept">Artifacts that are needed.</param>
public sealed record GarbageReport(IReadOnlyList<Garbage> Found, IReadOnlyList<Garbage> Removed, IReadOnlyList<Garbage> InUse, int Kept,
    long KeptBytes);
