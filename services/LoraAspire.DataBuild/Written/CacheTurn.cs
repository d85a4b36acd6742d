using LoraAspire.Runtime.Store;

namespace LoraAspire.DataBuild.Written;

/// <summary>One run at a time on one file of the cache, over processes. The lock falls with the process that holds it.</summary>
internal static class CacheTurn
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    public static async Task<IDisposable> TakeAsync(string path, CancellationToken cancellationToken)
    {
        while (true)
        {
            if (LockFile.TryOpen(path) is { } turn)
            {
                return turn;
            }
            await Task.Delay(Interval, cancellationToken); // another holds it, for as long as a small file takes to write
        }
    }
}
