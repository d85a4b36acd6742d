namespace LoraAspire.Runtime.Store;

/// <summary>
/// Files and folders that are whole under their name even after a power cut: write beside, bring to the disk, rename, bring the rename to
/// the disk.
/// </summary>
public static class Durable
{
    /// <summary>Written and on the disk, but for its name: <see cref="Rename"/> or <see cref="SyncFolder"/> comes next.</summary>
    public static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        RandomAccess.Write(file, bytes, 0);
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>Renames a file or folder whose bytes are on the disk; a file that had the name is replaced.</summary>
    public static void Rename(string from, string to)
    {
        if (File.Exists(from))
        {
            File.Move(from, to, overwrite: true);
        }
        else
        {
            SyncFolder(from);
            Directory.Move(from, to);
        }
        SyncFolder(Path.GetDirectoryName(to)!);
    }

    /// <summary>
    /// Gives a file whose bytes are on the disk a name that nothing has yet; of several that do so at once one wins. .NET's own move looks
    /// first whether the name is taken, and then renames: two at once both succeed, and one takes the other's place.
    /// </summary>
    /// <returns>False when the name is taken; the file is left as it is.</returns>
    public static bool TryName(string from, string to)
    {
        if (OperatingSystem.IsWindows())
        {
            return TryMove(from, to);
        }
        if (Libc.Link(from, to) != 0)
        {
            return Libc.LastError switch
            {
                Libc.Exists => false,
                // No second names on this file system (FAT, some shares, some FUSE): the best there is.
                Libc.NotPermitted or Libc.NotSupported or Libc.NotImplemented => TryMove(from, to),
                var error => throw new IOException($"{to} can't be written: {Libc.WordsOf(error)}", error),
            };
        }
        File.Delete(from);
        SyncFolder(Path.GetDirectoryName(to)!);
        return true;
    }

    private static bool TryMove(string from, string to)
    {
        try
        {
            File.Move(from, to, overwrite: false);
        }
        catch (IOException) when (File.Exists(to))
        {
            return false;
        }
        // What fails here is no name that was taken.
        SyncFolder(Path.GetDirectoryName(to)!);
        return true;
    }

    /// <summary>Writes a small file beside its place and renames it there.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> bytes)
    {
        var temporary = $"{path}.{Guid.NewGuid():N}";
        try
        {
            Write(temporary, bytes);
            Rename(temporary, path);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Brings a file that somebody else wrote to the disk.</summary>
    public static void SyncFile(string path)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>
    /// Brings the names in a folder to the disk. .NET opens no folders, so libc does. A file system that can't sync a folder is left to
    /// itself.
    /// </summary>
    public static void SyncFolder(string folder)
    {
        using var descriptor = Libc.Open(folder, Libc.ReadOnlyFolder);
        if (!descriptor.IsInvalid && Libc.Sync(descriptor) != 0 && Libc.LastError == Libc.IoError)
        {
            throw new IOException($"{folder} can't be brought to the disk: {Libc.WordsOf(Libc.IoError)}", Libc.IoError);
        }
    }
}
