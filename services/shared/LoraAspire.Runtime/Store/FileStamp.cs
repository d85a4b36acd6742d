namespace LoraAspire.Runtime.Store;

/// <summary>
/// What a file's content hangs on without reading it. Two equal stamps of one path are one content, if the first was taken when the file
/// had rested for a tick of the file system's clock. <paramref name="Changed"/> (ctime) moves with every write and can't be set back, as
/// <paramref name="Modified"/> can.
/// </summary>
/// <param name="Modified">Nanoseconds since 1970, as <paramref name="Changed"/>.</param>
public readonly record struct FileStamp(long Size, ulong Inode, long Modified, long Changed)
{
    private const long Second = 1_000_000_000;
    private const long Tick = Second / 10; // kernels stamp every 1 to 10 ms
    private const long CoarseTick = 2 * Second; // some file systems know whole seconds only

    /// <summary>Whether a write after <paramref name="asOf"/> is sure to give another stamp.</summary>
    public bool IsSettled(DateTimeOffset asOf) =>
        (asOf - DateTimeOffset.UnixEpoch).Ticks * 100 - Changed > (Changed % Second == 0 ? CoarseTick : Tick);

    /// <summary>Of what the path leads to, links followed.</summary>
    /// <exception cref="FileNotFoundException">Nothing is there.</exception>
    /// <exception cref="StoreException">It is no regular file: opening a pipe or a device could wait for ever.</exception>
    /// <exception cref="IOException">A link leads in a circle, or the disk fails.</exception>
    public static FileStamp Of(string path)
    {
        var entry = FileEntry.At(path);
        return entry.Kind == FileKind.File ? entry.Stamp : throw new StoreException($"{path} is {entry.Kind.Article()}, not a file.");
    }
}
