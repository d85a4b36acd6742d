using System.Runtime.CompilerServices;

namespace LoraAspire.Tests;

/// <summary>
/// The system's folder for temporary files, for one run of a test project and all that it starts: what tests and programs leave there goes
/// with the run, whether they pass, fail or are killed. What a run left that was killed itself, a later one clears away.
/// </summary>
internal static class RunFolder
{
    private const string Prefix = "lora-tests-";

    /// <summary>No run takes as long.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromDays(1);

    public static string Path { get; } = Directory.CreateTempSubdirectory(Prefix).FullName;

    // A module's initializer comes before every test, fixture and static field.
    [ModuleInitializer]
    internal static void Open()
    {
        ClearLeft(Directory.GetParent(Path)!.FullName);
        Environment.SetEnvironmentVariable(OperatingSystem.IsWindows() ? "TMP" : "TMPDIR", Path);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Delete(Path);
    }

    internal static void ClearLeft(string root)
    {
        foreach (var folder in Directory.EnumerateDirectories(root, Prefix + "*")
            .Where(folder => TimeProvider.System.GetUtcNow() - Directory.GetLastWriteTimeUtc(folder) > s_longest))
        {
            Delete(folder);
        }
    }

    private static void Delete(string folder)
    {
        try
        {
            Directory.Delete(folder, recursive: true);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Another user's, or what a test made unreadable: said, since a run that has ended can't fail any more.
            Console.Error.WriteLine($"{folder} is left: {error.Message}");
        }
    }
}
