using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Runtime.Store;

/// <summary>
/// A folder in use. Users share it; whoever would remove it needs it alone. Locked is the folder's own descriptor, so that nothing is left
/// behind, and the lock falls with the process. Where the file system can't lock folders, users go on without and nothing can be removed.
/// </summary>
internal sealed class FolderLease : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    private readonly SafeFileHandle _folder;

    private FolderLease(SafeFileHandle folder) => _folder = folder;

    /// <summary>Null when the folder is gone. Waits for one that is just being looked at for removal.</summary>
    public static FolderLease? TryShare(string folder, CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var handle = Libc.Open(folder, Libc.ReadOnlyFolder);
            if (handle.IsInvalid)
            {
                handle.Dispose();
                return null;
            }
            var locked = Libc.Lock(handle, Libc.LockShared | Libc.LockNow) == 0 || Libc.LastError != Libc.TryAgain;
            if (locked && Names(folder, handle))
            {
                return new(handle);
            }
            handle.Dispose();
            if (!locked)
            {
                cancellationToken.WaitHandle.WaitOne(Interval);
            }
        }
    }

    /// <summary>Null when somebody uses the folder, when it is gone, or when it can't be locked.</summary>
    public static FolderLease? TryAlone(string folder)
    {
        var handle = Libc.Open(folder, Libc.ReadOnlyFolder);
        if (!handle.IsInvalid && Libc.Lock(handle, Libc.LockExclusive | Libc.LockNow) == 0 && Names(folder, handle))
        {
            return new(handle);
        }
        handle.Dispose();
        return null;
    }

    public void Dispose() => _folder.Dispose();

    /// <summary>Whether the path still is the folder that was opened.</summary>
    private static bool Names(string path, SafeFileHandle folder) => FileEntry.Find(path)?.Stamp.Inode == FileEntry.Of(folder).Stamp.Inode;
}
