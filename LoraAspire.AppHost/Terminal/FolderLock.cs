using System.Globalization;
using LoraAspire.Runtime.Store;

namespace LoraAspire.AppHost.Terminal;

/// <summary>One AppHost a folder. The system drops the lock however the process ends.</summary>
internal sealed class FolderLock : IDisposable
{
    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <exception cref="IOException">Another AppHost runs there, or the folder can't be written; the message says which, and what to do.</exception>
    public static FolderLock Take(string folder)
    {
        var path = Path.Combine(folder, "apphost.lock");
        // Beside the lock, since a locked file cannot be read by another process.
        var identity = Path.ChangeExtension(path, ".pid");
        try
        {
            PrivateFolder.TryClaim(folder);
            var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            File.WriteAllText(identity, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return new FolderLock(file);
        }
        catch (IOException error) when (IsHeld(error) && File.Exists(identity))
        {
            throw new IOException($"Another AppHost, process {File.ReadAllText(identity)}, already runs in {folder}. Stop it with Ctrl-C, or start this one with --state set to another folder.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The state folder {folder} can't be written: {error.Message} Choose another with --state.", error);
        }
    }

    /// <summary>As each system says that a file is locked: EAGAIN on Linux and on macOS, a sharing violation on Windows.</summary>
    private static bool IsHeld(IOException error) => (error.HResult & 0xFFFF) is 11 or 35 or 32;

    public void Dispose() => _file.Dispose();
}
