namespace LoraAspire.Runtime.Store;

/// <summary>A file of a few lines that anybody may have put there: a pipe would be waited on for ever, a device never ends.</summary>
internal static class SmallFile
{
    /// <param name="most">Bytes that such a file has at most.</param>
    /// <returns>Null when nothing is there.</returns>
    /// <exception cref="IOException">It is no regular file, is longer than that, or can't be read.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not read it.</exception>
    public static string? Read(string path, int most)
    {
        if (FileEntry.Find(path) is not { } entry)
        {
            return null;
        }
        if (entry.Kind != FileKind.File)
        {
            throw new IOException($"{path} is {entry.Kind.Article()}, where a file belongs. Remove it.");
        }
        return entry.Stamp.Size <= most ? File.ReadAllText(path)
            : throw new IOException($"{path} has {entry.Stamp.Size} bytes, where {most} are the most. Remove it.");
    }
}
