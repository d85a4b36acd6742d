using LoraAspire.Runtime;

namespace LoraAspire.EndToEndTests;

/// <summary>What was built with these tests.</summary>
internal static class Built
{
    public static string Root { get; } = LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!;

    /// <summary>bin/{configuration}/{framework}/{rid}, the same for the tests and for what they start.</summary>
    private static readonly string s_folder =
        Path.GetRelativePath(Path.Combine(Root, "tests", "LoraAspire.EndToEndTests"), AppContext.BaseDirectory);

    /// <param name="project">Its folder under the repository, such as services/LoraAspire.Chat.</param>
    public static string Program(string project) =>
        Path.Combine(Root, project, s_folder, Path.GetFileName(project) + (OperatingSystem.IsWindows() ? ".exe" : ""));

    public static string Assembly(string project, string? name = null) =>
        Path.Combine(Root, project, s_folder, (name ?? Path.GetFileName(project)) + ".dll");
}
