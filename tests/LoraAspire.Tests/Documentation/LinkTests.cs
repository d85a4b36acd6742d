using System.Text.RegularExpressions;
using LoraAspire.Tests.Architecture;

namespace LoraAspire.Tests.Documentation;

/// <summary>No link of a document leads to nothing.</summary>
public sealed partial class LinkTests
{
    public static TheoryData<string> Documents => [.. Books.All];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_link_of_a_document_leads_to_a_file_and_a_heading(string document)
    {
        var folder = Path.GetDirectoryName(document)!;
        foreach (var link in Books.Links(Prose(document))
            .Where(link => !link.Contains("://", StringComparison.Ordinal)))
        {
            var parts = link.Split('#');
            var file = parts[0].Length == 0 ? document : Path.Combine(folder, parts[0]);
            Assert.True(Path.Exists(Path.Combine(SourceFiles.Root, file)), $"{document}: {link} leads to no file");
            Assert.True(parts.Length == 1 || Anchors(file).Contains(parts[1]), $"{document}: {link} leads to no heading");
        }
    }

    private static string Prose(string document) => Code().Replace(Books.Text(document), "");

    /// <summary>As GitHub makes them of headings: small letters, hyphens for spaces, no signs.</summary>
    private static HashSet<string> Anchors(string file) => [.. Prose(file).Split('\n').Where(line => line.StartsWith('#'))
        .Select(line => Signs().Replace(line.TrimStart('#').Trim().ToLowerInvariant(), "").Replace(' ', '-'))];

    [GeneratedRegex("(?ms)^```.*?^```$")]
    private static partial Regex Code();

    [GeneratedRegex(@"[^\p{L}\p{N}\- _]")]
    private static partial Regex Signs();
}
