using System.Text;

namespace LoraAspire.Runtime.Store;

/// <summary>A file that only its owner may read, from its first byte on: it holds a password or a key.</summary>
public static class PrivateFile
{
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const uint Root = 0;

    /// <summary>Takes the place of one that is there.</summary>
    public static async Task WriteAsync(string path, string text, CancellationToken cancellationToken)
    {
        File.Delete(path);
        await using var file = Create(path);
        await file.WriteAsync(Encoding.UTF8.GetBytes(text), cancellationToken);
    }

    /// <summary>Two that do so at once give one file, whole as either wrote it.</summary>
    /// <returns>False when it was there already; it is left as it is.</returns>
    public static bool TryCreate(string path, string text)
    {
        var beside = $"{path}.{Guid.NewGuid():N}";
        try
        {
            using (var file = Create(beside))
            {
                file.Write(Encoding.UTF8.GetBytes(text));
                file.Flush(flushToDisk: true);
            }
            return Durable.TryName(beside, path);
        }
        finally
        {
            File.Delete(beside);
        }
    }

    /// <summary>
    /// Whether others than the owner may read or write the file. One of root's that our group may read is closed to a program that isn't
    /// root: so a cluster hands it a secret.
    /// </summary>
    public static bool IsOpenToOthers(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            return false;
        }
        var entry = FileEntry.At(path);
        return (entry.Mode & ~(entry.Owner == Root && !Environment.IsPrivilegedProcess ? Mode | UnixFileMode.GroupRead : Mode)) != 0;
    }

    private static FileStream Create(string path)
    {
        var options = new FileStreamOptions { Mode = FileMode.CreateNew, Access = FileAccess.Write };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = Mode;
        }
        return new FileStream(path, options);
    }
}
