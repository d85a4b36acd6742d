using System.Text.RegularExpressions;
using LoraAspire.Runtime;

namespace LoraAspire.Tests.Architecture;

/// <summary>The sources of this repository, without what a build writes.</summary>
internal static partial class SourceFiles
{
    public static string Root { get; } = LoraPaths.RepositoryRoot(AppContext.BaseDirectory)!;

    /// <summary>Paths from the root of the files that end in .cs or .razor.</summary>
    public static IReadOnlyList<string> Under(params string[] folders) =>
    [
        .. folders.SelectMany(folder => Directory.EnumerateFiles(Path.Combine(Root, folder), "*", SearchOption.AllDirectories))
            .Where(file => Path.GetExtension(file) is ".cs" or ".razor" && !Built().IsMatch(file))
            .Select(file => Path.GetRelativePath(Root, file)),
    ];

    [GeneratedRegex(@"[/\\](bin|obj)[/\\]")]
    private static partial Regex Built();
}
