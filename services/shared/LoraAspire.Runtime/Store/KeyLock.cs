namespace LoraAspire.Runtime.Store;

/// <summary>One worker at a time on one stage key, on this file system. The lock falls with the process that holds it.</summary>
internal static class KeyLock
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    public static IDisposable Take(string path, CancellationToken stop)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException error) when (error is not (DirectoryNotFoundException or PathTooLongException) && (error.HResult & 0xFFFF) is 11 or 13)
            {
                // EAGAIN: another holds it.
                stop.WaitHandle.WaitOne(Interval);
                stop.ThrowIfCancellationRequested();
            }
        }
    }
}
