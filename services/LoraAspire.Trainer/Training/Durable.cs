using System.Runtime.InteropServices;

namespace LoraAspire.Trainer.Training;

/// <summary>Files and folders that are whole under their name even after a power cut: write beside, bring to the disk, rename, bring the rename to the disk.</summary>
internal static class Durable
{
    private const int ReadOnlyFolder = 0x10000; // O_RDONLY | O_DIRECTORY

    public static void Write(string path, byte[] bytes)
    {
        using var file = File.OpenHandle(path, FileMode.Create, FileAccess.Write);
        RandomAccess.Write(file, bytes, 0);
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>Renames a file or folder whose bytes are on the disk; what had the name is replaced.</summary>
    public static void Rename(string from, string to)
    {
        if (File.Exists(from))
        {
            File.Move(from, to, overwrite: true);
        }
        else
        {
            Sync(from);
            Directory.Move(from, to);
        }
        Sync(Path.GetDirectoryName(to)!);
    }

    /// <summary>.NET opens no folders, so libc does. A file system that can't sync a folder is left to itself.</summary>
    private static void Sync(string folder)
    {
        var descriptor = open(folder, ReadOnlyFolder);
        if (descriptor >= 0)
        {
            _ = fsync(descriptor);
            _ = close(descriptor);
        }
    }

    [DllImport("libc", CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int open(string path, int flags);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int fsync(int descriptor);

    [DllImport("libc"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int close(int descriptor);
}
