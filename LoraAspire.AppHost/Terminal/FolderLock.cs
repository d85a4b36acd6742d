using System.Globalization;

namespace LoraAspire.AppHost.Terminal;

/// <summary>One AppHost a folder. The system drops the lock however the process ends.</summary>
internal sealed class FolderLock : IDisposable
{
    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <returns>Null when another holds it; then <paramref name="holder"/> is its process id.</returns>
    public static FolderLock? TryTake(string path, out string holder)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        // Beside the lock, since a locked file cannot be read by another process.
        var identity = Path.ChangeExtension(path, ".pid");
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            File.WriteAllText(identity, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            holder = "";
            return new FolderLock(file);
        }
        catch (IOException) when (File.Exists(identity))
        {
            holder = File.ReadAllText(identity);
            return null;
        }
    }

    public void Dispose() => _file.Dispose();
}
