namespace LoraAspire.DataBuild.Written;

/// <summary>One run at a time on one file of the cache, over processes. The lock falls with the process that holds it.</summary>
internal static class CacheTurn
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    public static async Task<IDisposable> TakeAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            // EAGAIN or EACCES: another holds it, for as long as a small file takes to write.
            catch (IOException error) when (error is not (DirectoryNotFoundException or PathTooLongException) && (error.HResult & 0xFFFF) is 11 or 13)
            {
                await Task.Delay(Interval, cancellationToken);
            }
        }
    }
}
