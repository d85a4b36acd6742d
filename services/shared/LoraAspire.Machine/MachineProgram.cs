using System.Diagnostics;

namespace LoraAspire.Machine;

/// <summary>A program that this machine has, or was given without installing it.</summary>
/// <param name="Path">Full path of the executable.</param>
/// <param name="Variables">What must be set, on top of the environment, to start it.</param>
public sealed record MachineProgram(string Path, IReadOnlyDictionary<string, string> Variables)
{
    /// <summary>The first of these that a folder of the PATH holds.</summary>
    public static MachineProgram? OnPath(params string[] names) =>
        (from name in names
         from folder in (Environment.GetEnvironmentVariable("PATH") ?? "")
             .Split(System.IO.Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
         let file = System.IO.Path.Combine(folder, OperatingSystem.IsWindows() ? name + ".exe" : name)
         where File.Exists(file)
         select At(file)).FirstOrDefault();

    public static MachineProgram At(string path) => new(path, new Dictionary<string, string>());

    public void ApplyTo(ProcessStartInfo start)
    {
        foreach (var (name, value) in Variables)
        {
            start.Environment[name] = value;
        }
    }

    /// <summary>Where programs are unpacked: a folder of the user's, shared by every checkout.</summary>
    internal static string CacheFolder()
    {
        var cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } xdg ? xdg
            : System.IO.Path.Combine(
                Environment.GetFolderPath(Environment.SpecialFolder.UserProfile, Environment.SpecialFolderOption.DoNotVerify), ".cache");
        return System.IO.Path.Combine(cache, "lora-aspire");
    }
}
