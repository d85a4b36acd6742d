using Microsoft.Win32.SafeHandles;

namespace LoraAspire.Runtime.Store;

internal enum FileKind { File, Folder, Link, Pipe, Socket, Device }

internal static class FileKinds
{
    public static string Article(this FileKind kind) => $"a {(kind == FileKind.Pipe ? "named pipe" : kind.ToString().ToLowerInvariant())}";
}

/// <summary>One name of a file system, and what stands behind it.</summary>
/// <param name="Mode">Permission bits.</param>
internal readonly record struct FileEntry(FileKind Kind, FileStamp Stamp, UnixFileMode Mode, uint Owner)
{
    private const int KindMask = 0xF000;

    /// <summary>What the path leads to; with <paramref name="follow"/> false, a link is a link.</summary>
    /// <exception cref="FileNotFoundException">Nothing is there.</exception>
    /// <exception cref="UnauthorizedAccessException">A folder on the way may not be entered.</exception>
    /// <exception cref="IOException">A link leads in a circle, or the disk fails.</exception>
    public static FileEntry At(string path, bool follow = true) =>
        Find(path, follow) ?? throw new FileNotFoundException($"Nothing is at {path}.", path);

    /// <summary>As <see cref="At"/>; null where nothing is, and for a link that leads nowhere.</summary>
    public static FileEntry? Find(string path, bool follow = true)
    {
        if (path.Contains('\0'))
        {
            throw new IOException($"The path {path.Replace("\0", "\\0")} holds a NUL.");
        }
        if (Libc.Status(Libc.CurrentFolder, path, follow ? 0 : Libc.NoFollow, Libc.BasicStatistics, out var found) == 0)
        {
            return Of(found);
        }
        return Libc.LastError switch
        {
            Libc.NoEntry or Libc.NotADirectory => null,
            Libc.AccessDenied => throw new UnauthorizedAccessException($"Access to the path '{path}' is denied."),
            var error => throw new IOException($"{path}: {Libc.WordsOf(error)}", error),
        };
    }

    /// <summary>Of an open file, whatever became of its name.</summary>
    public static FileEntry Of(SafeFileHandle file) =>
        Libc.Status((int)file.DangerousGetHandle(), "", Libc.EmptyPath, Libc.BasicStatistics, out var found) == 0
            ? Of(found)
            : throw new IOException(Libc.WordsOf(Libc.LastError), Libc.LastError);

    private static FileEntry Of(Libc.Statistics found)
    {
        static long Nanoseconds(Libc.Time time) => (time.Seconds * 1_000_000_000) + time.Nanoseconds;
        var kind = (found.Mode & KindMask) switch
        {
            0x8000 => FileKind.File,
            0x4000 => FileKind.Folder,
            0xA000 => FileKind.Link,
            0x1000 => FileKind.Pipe,
            0xC000 => FileKind.Socket,
            _ => FileKind.Device,
        };
        return new(kind, new(found.Size, found.Inode, Nanoseconds(found.Modified), Nanoseconds(found.Changed)),
            (UnixFileMode)(found.Mode & ~KindMask), found.Owner);
    }
}
