using System.Text.RegularExpressions;
using LoraAspire.Tests.Architecture;

namespace LoraAspire.Tests.Documentation;

/// <summary>The documents that a reader follows command by command. Paths are from the repository's root.</summary>
internal static partial class Books
{
    /// <summary>Every command of theirs is held to the programs, and every YAML block is a whole pipeline.</summary>
    public static IReadOnlyList<string> Followed { get; } =
    [
        "README.md", "README.zh-CN.md", "docs/lab.md", "docs/lab.zh-CN.md", "docs/recipes.md", "docs/troubleshooting.md",
        "docs/from-alpaca-lora.md", "docs/from-llama-factory.md", "docs/from-axolotl.md",
    ];

    public static IReadOnlyList<string> All { get; } =
    [
        "README.md", "README.zh-CN.md", "CONTRIBUTING.md",
        .. Directory.EnumerateFiles(Path.Combine(SourceFiles.Root, "docs"), "*.md").Select(file => "docs/" + Path.GetFileName(file))
            .Order(StringComparer.Ordinal),
    ];

    public static string Text(string file) => File.ReadAllText(Path.Combine(SourceFiles.Root, file));

    /// <summary>Where the links of a text in Markdown lead.</summary>
    public static IEnumerable<string> Links(string text) => Link().Matches(text).Select(match => match.Groups[1].Value);

    /// <summary>The cells of each row of a section's first table, its head left out.</summary>
    public static IEnumerable<string[]> Table(string section) => section.Split('\n')
        .SkipWhile(line => !line.StartsWith('|')).TakeWhile(line => line.StartsWith('|')).Skip(2)
        .Select(line => line.Trim('|').Split(" | ", StringSplitOptions.TrimEntries));

    /// <summary>What stands under a heading, to the next of the same level.</summary>
    public static string Section(string file, string heading)
    {
        var text = "\n" + Text(file);
        var start = text.IndexOf($"\n{heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"{file} has no heading '{heading}'");
        var body = text[(start + heading.Length + 2)..];
        var end = body.IndexOf("\n" + heading[..(heading.IndexOf(' ', StringComparison.Ordinal) + 1)], StringComparison.Ordinal);
        return end < 0 ? body : body[..end];
    }

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();
}
