using System.Globalization;

namespace LoraAspire.AppHost.Terminal;

/// <summary>One AppHost a folder. The system drops the lock however the process ends.</summary>
internal sealed class FolderLock : IDisposable
{
    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <returns>Null when another holds it; then <paramref name="holder"/> is its process id.</returns>
    /// <exception cref="IOException">The folder can't be written; so for the next.</exception>
    /// <exception cref="UnauthorizedAccessException">Or not by this user.</exception>
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
        catch (IOException error) when (IsHeld(error) && File.Exists(identity))
        {
            holder = File.ReadAllText(identity);
            return null;
        }
    }

    /// <summary>As each system says that a file is locked: EAGAIN on Linux and on macOS, a sharing violation on Windows.</summary>
    private static bool IsHeld(IOException error) => (error.HResult & 0xFFFF) is 11 or 35 or 32;

    public void Dispose() => _file.Dispose();
}
