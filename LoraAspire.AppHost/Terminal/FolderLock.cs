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
        try
        {
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);
            file.SetLength(0);
            file.Write(System.Text.Encoding.ASCII.GetBytes(Environment.ProcessId.ToString(CultureInfo.InvariantCulture)));
            holder = "";
            return new FolderLock(file);
        }
        catch (IOException) when (File.Exists(path))
        {
            // Sharing everything takes no lock, so the holder's id can be read.
            using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
            holder = reader.ReadToEnd();
            return null;
        }
    }

    public void Dispose() => _file.Dispose();
}
