using System.Text.RegularExpressions;

namespace LoraAspire.Tests.Architecture;

public sealed partial class NamespaceTests
{
    /// <summary>Aspire's template puts its extensions where every host finds them; four files are compiled into two programs.</summary>
    private static readonly string[] s_elsewhere =
    [
        "LoraAspire.ServiceDefaults/Extensions.cs", "LoraAspire.Cli/CleanConsole.cs", "LoraAspire.Cli/FollowedRun.cs",
        "LoraAspire.Cli/RunView.cs", "LoraAspire.Cli/WaitWatch.cs",
    ];

    [Fact]
    public void A_namespace_is_the_path_of_its_folder()
    {
        var wrong = SourceFiles.Under("LoraAspire.AppHost", "LoraAspire.ServiceDefaults", "services", "benchmarks", "tests", "tools")
            .Where(file => file.EndsWith(".cs", StringComparison.Ordinal)
                && !s_elsewhere.Any(place => file.EndsWith(place, StringComparison.Ordinal)))
            .Select(file => (File: file, Said: Namespace().Match(File.ReadAllText(Path.Combine(SourceFiles.Root, file))).Groups[1].Value))
            .Where(one => one.Said.Length > 0 && one.Said != Expected(one.File))
            .Select(one => $"{one.File}: {one.Said}");

        Assert.Empty(wrong);
    }

    /// <summary>From the folder of its project on, which is named as the project.</summary>
    private static string Expected(string file)
    {
        var folders = Path.GetDirectoryName(file)!.Split(Path.DirectorySeparatorChar);
        return string.Join('.', folders.SkipWhile(folder => !folder.StartsWith("LoraAspire.", StringComparison.Ordinal)));
    }

    [GeneratedRegex(@"^namespace ([\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Namespace();
}
