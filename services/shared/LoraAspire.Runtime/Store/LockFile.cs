namespace LoraAspire.Runtime.Store;

/// <summary>A file that one process at a time has open. The system drops the lock however the process ends.</summary>
public static class LockFile
{
    /// <returns>Null when another holds it.</returns>
    /// <exception cref="IOException">The file can't be opened for another reason.</exception>
    public static FileStream? TryOpen(string path)
    {
        try
        {
            return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error) when (error is not (DirectoryNotFoundException or PathTooLongException) && IsHeld(error.HResult & 0xFFFF))
        {
            return null;
        }
    }

    /// <summary>As each system says it: EAGAIN or EACCES on Linux, EAGAIN of macOS, a sharing violation on Windows.</summary>
    private static bool IsHeld(int error) => error is Libc.TryAgain or Libc.AccessDenied or 35 or 32;
}
