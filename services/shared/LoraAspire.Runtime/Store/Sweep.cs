namespace LoraAspire.Runtime.Store;

/// <summary>
/// One pass of a gc: counts what has aged, and removes it when it is told to. Each kind of thing has the lock that its users take.
/// </summary>
internal sealed class Sweep(bool delete, string trash)
{
    private static readonly EnumerationOptions Whole =
        new() { RecurseSubdirectories = true, AttributesToSkip = FileAttributes.ReparsePoint };

    private readonly List<Garbage> _found = [], _removed = [], _inUse = [];

    public IReadOnlyList<Garbage> Found => _found;
    public IReadOnlyList<Garbage> Removed => _removed;
    public IReadOnlyList<Garbage> InUse => _inUse;

    /// <summary>What nobody locks, since nobody who lives can want it.</summary>
    public bool Take(GarbageKind kind, string path, DateTimeOffset lastUsed, DateTimeOffset since) =>
        Aged(kind, path, lastUsed, since) is { } garbage && Done(garbage, !delete || Discard(path));

    /// <summary>A folder whose users share its own lock. They note their use before they let go of it.</summary>
    public bool TakeArtifact(string folder, DateTimeOffset since)
    {
        if (Aged(GarbageKind.Artifact, folder, LastUse.Of(folder), since) is not { } garbage)
        {
            return false;
        }
        if (!delete)
        {
            return Done(garbage, true);
        }
        using var alone = FolderLease.TryAlone(folder);
        return Done(garbage, alone is not null && LastUse.Of(folder) < since && Discard(folder));
    }

    /// <summary>A cache entry, which its readers open shared.</summary>
    public bool TakeEntry(string path, DateTimeOffset since)
    {
        if (Aged(GarbageKind.CacheEntry, path, LastUse.Of(path), since) is not { } garbage)
        {
            return false;
        }
        try
        {
            if (delete)
            {
                using var alone = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.None);
                if (LastUse.Of(path) >= since)
                {
                    return Done(garbage, false);
                }
                File.Delete(path);
            }
            return Done(garbage, true);
        }
        catch (FileNotFoundException)
        {
            return true;
        }
        catch (IOException)
        {
            return Done(garbage, false);
        }
    }

    /// <summary>What one worker at a time may touch, under a lock file, which goes too.</summary>
    public bool TakeLocked(GarbageKind kind, string path, string lockFile, DateTimeOffset lastUsed, DateTimeOffset since)
    {
        if (Aged(kind, path, lastUsed, since) is not { } garbage)
        {
            return false;
        }
        if (!delete)
        {
            return Done(garbage, true);
        }
        using var turn = KeyLock.TryTake(lockFile);
        return Done(garbage, turn is not null && (path == lockFile || Discard(path)));
    }

    /// <summary>Bytes of all files in it; what vanishes meanwhile counts nothing.</summary>
    public static long SizeOf(string path) => Within(path).Sum(entry => entry is FileInfo { Exists: true } file ? file.Length : 0);

    /// <summary>The latest time in the tree; now, when it changes while it is looked at.</summary>
    public static DateTimeOffset NewestIn(string folder) =>
        Within(folder).Select(entry => LastUse.Of(entry.FullName)).DefaultIfEmpty(TimeProvider.System.GetUtcNow()).Max();

    /// <summary>The path itself and all below it; empty when it vanishes meanwhile. No link is followed.</summary>
    private static IReadOnlyList<FileSystemInfo> Within(string path)
    {
        try
        {
            return File.Exists(path) ? [new FileInfo(path)]
                : [new DirectoryInfo(path), .. new DirectoryInfo(path).EnumerateFileSystemInfos("*", Whole)];
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return [];
        }
    }

    private Garbage? Aged(GarbageKind kind, string path, DateTimeOffset lastUsed, DateTimeOffset since)
    {
        if (lastUsed >= since)
        {
            return null;
        }
        Garbage garbage = new(kind, path, SizeOf(path), lastUsed);
        _found.Add(garbage);
        return garbage;
    }

    private bool Done(Garbage garbage, bool removed)
    {
        if (delete)
        {
            (removed ? _removed : _inUse).Add(garbage);
        }
        return removed;
    }

    /// <summary>Renamed at once, so that nobody finds half of it; removed with the rest of the trash.</summary>
    private bool Discard(string path)
    {
        PrivateFolder.Create(trash);
        try
        {
            Directory.Move(path, Path.Combine(trash, Guid.NewGuid().ToString("N")));
            return true;
        }
        catch (Exception error) when (error is FileNotFoundException or DirectoryNotFoundException)
        {
            return true; // another was faster
        }
    }
}
