namespace LoraAspire.Runtime.Store;

/// <summary>When something of the store was last wanted: its modification time, which nothing else here goes by.</summary>
internal static class LastUse
{
    public static void Note(string path)
    {
        try
        {
            File.SetLastWriteTimeUtc(path, TimeProvider.System.GetUtcNow().UtcDateTime);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // On a read-only store nothing is removed by age either.
        }
    }

    public static DateTimeOffset Of(string path) => new(File.GetLastWriteTimeUtc(path), TimeSpan.Zero);
}
