using System.Globalization;
using LoraAspire.Runtime.Store;

namespace LoraAspire.AppHost.Terminal;

/// <summary>One AppHost a folder. The system drops the lock however the process ends.</summary>
internal sealed class FolderLock : IDisposable
{
    private readonly FileStream _file;

    private FolderLock(FileStream file) => _file = file;

    /// <exception cref="IOException">Another AppHost runs there, or the folder can't be written; the message says which, and what to
    /// do.</exception>
    public static FolderLock Take(string folder)
    {
        var path = Path.Combine(folder, "apphost.lock");
        // Beside the lock, since a locked file cannot be read by another process.
        var identity = Path.ChangeExtension(path, ".pid");
        try
        {
            PrivateFolder.TryClaim(folder);
            if (LockFile.TryOpen(path) is not { } file)
            {
                var holder = File.Exists(identity) ? $", process {File.ReadAllText(identity)}," : "";
                throw new AppHostRunsException($"Another AppHost{holder} already runs in {folder}. Stop it with Ctrl-C, "
                    + "or start this one with --state set to another folder.");
            }
            File.WriteAllText(identity, Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
            return new FolderLock(file);
        }
        catch (Exception error) when (error is (IOException and not AppHostRunsException) or UnauthorizedAccessException)
        {
            throw new IOException($"The state folder {folder} can't be written: {error.Message} Choose another with --state.", error);
        }
    }

    public void Dispose() => _file.Dispose();
}

/// <summary>Two apps in one state folder would share a Redis and a store.</summary>
internal sealed class AppHostRunsException(string message) : IOException(message);
