using System.Diagnostics;

namespace LoraAspire.Hosting.Redis;

/// <summary>A redis-server (or valkey-server) that runs on this machine.</summary>
/// <param name="Path">Full path of the executable.</param>
/// <param name="LibraryPath">What <c>LD_LIBRARY_PATH</c> must hold for it; null when the system's libraries do.</param>
public sealed record RedisBinary(string Path, string? LibraryPath)
{
    /// <summary>The one on the PATH, else the one unpacked earlier, else the distribution's own package unpacked into the user's cache, without root.</summary>
    /// <param name="say">Told before what takes seconds.</param>
    /// <exception cref="InvalidOperationException">None can be had; the message says what to do.</exception>
    public static async Task<RedisBinary> FindOrUnpackAsync(Action<string>? say = null, CancellationToken cancellationToken = default) =>
        OnPath() ?? await DebianPackage.UnpackAsync("redis-server", CacheFolder(), say ?? (_ => { }), cancellationToken);

    private static RedisBinary? OnPath() =>
        (from name in (string[])["redis-server", "valkey-server"]
         from folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries)
         let file = System.IO.Path.Combine(folder, name)
         where File.Exists(file)
         select new RedisBinary(file, null)).FirstOrDefault();

    private static string CacheFolder()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg
            : System.IO.Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".cache");
        return System.IO.Path.Combine(cache, "lora-aspire");
    }

    /// <summary>What must be set, on top of the environment, to start it.</summary>
    public void ApplyTo(ProcessStartInfo start)
    {
        if (LibraryPath is not null)
        {
            start.Environment["LD_LIBRARY_PATH"] = LibraryPath;
        }
    }
}
