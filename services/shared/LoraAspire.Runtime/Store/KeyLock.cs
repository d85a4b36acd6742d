namespace LoraAspire.Runtime.Store;

/// <summary>
/// One worker at a time on one stage key, on this file system. The lock falls with the process that holds it; its file goes when it is
/// given back.
/// </summary>
internal sealed class KeyLock : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly FileStream _file;

    private KeyLock(FileStream file) => _file = file;

    public static KeyLock Take(string path, CancellationToken stop)
    {
        PrivateFolder.Create(Path.GetDirectoryName(path)!);
        while (true)
        {
            if (TryTake(path) is { } taken)
            {
                return taken;
            }
            stop.WaitHandle.WaitOne(Interval);
            stop.ThrowIfCancellationRequested();
        }
    }

    /// <summary>Null when another holds it.</summary>
    public static KeyLock? TryTake(string path)
    {
        var file = LockFile.TryOpen(path);
        // The holder before us may have removed the name between our opening and our locking: then others lock another file.
        if (file is not null && FileEntry.Find(path)?.Stamp.Inode == FileEntry.Of(file.SafeFileHandle).Stamp.Inode)
        {
            return new(file);
        }
        file?.Dispose();
        return null;
    }

    public void Dispose()
    {
        try
        {
            File.Delete(_file.Name);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // It stays, unlocked and empty.
        }
        _file.Dispose();
    }
}
