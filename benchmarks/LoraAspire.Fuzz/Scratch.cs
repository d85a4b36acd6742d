namespace LoraAspire.Fuzz;

/// <summary>Folders for the files that readers want, in memory where the system has such a place.</summary>
public sealed class Scratch : IDisposable
{
    private readonly string _root = Directory.CreateDirectory(
        Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"lora-fuzz-{Guid.NewGuid():N}")).FullName;

    /// <summary>A folder of its own.</summary>
    public string Folder(string name) => Directory.CreateDirectory(Path.Combine(_root, name)).FullName;

    /// <summary>Writes the file and gives its path.</summary>
    public static string Write(string folder, string name, ReadOnlySpan<byte> bytes)
    {
        var path = Path.Combine(folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }

    public void Dispose()
    {
        // A reader that was left behind may still hold a file open; on Linux its folder goes all the same.
        if (Directory.Exists(_root))
        {
            Directory.Delete(_root, recursive: true);
        }
    }
}
