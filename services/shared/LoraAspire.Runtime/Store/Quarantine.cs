using System.Globalization;
using Microsoft.Extensions.Logging;

namespace LoraAspire.Runtime.Store;

/// <summary>
/// What was found damaged: out of everybody's way, kept for whoever wants to know what happened. `lora gc` removes it when it has aged.
/// </summary>
internal sealed class Quarantine(string folder, ILogger log)
{
    /// <summary>Moves a file or folder here, and says so. When that fails it stays where it is, and the log says that too.</summary>
    public void Take(string path, string reason)
    {
        var place = Path.Combine(folder,
            $"{Path.GetFileName(path)}-"
                + $"{TimeProvider.System.GetUtcNow().UtcDateTime.ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture)}-"
                + $"{Guid.NewGuid().ToString("N")[..4]}");
        try
        {
            PrivateFolder.Create(folder);
            Directory.Move(path, place);
            log.LogError("{Reason} It is set aside as {Place}", reason, place);
        }
        catch (Exception error) when (error is DirectoryNotFoundException or FileNotFoundException)
        {
            // Another found the same and was faster.
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            log.LogError("{Reason} It can't be set aside and stays at {Path}: {Error}", reason, path, error.Message);
        }
    }
}
