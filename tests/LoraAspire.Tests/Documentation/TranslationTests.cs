namespace LoraAspire.Tests.Documentation;

/// <summary>A translated document says what the original does: the same commands, tables and links, in the same order.</summary>
public sealed class TranslationTests
{
    private const string English = "docs/lab.md", Chinese = "docs/lab.zh-CN.md", Readme = "README.md", ChineseReadme = "README.zh-CN.md";

    [Fact]
    public void The_lab_has_the_same_blocks_in_both_languages()
    {
        Assert.Equal(Blocks(English), Blocks(Chinese));
        Assert.NotEmpty(Blocks(English));
    }

    [Fact]
    public void The_lab_has_the_same_sections_rows_and_links_in_both_languages()
    {
        Assert.Equal(Shape(English), Shape(Chinese));
        Assert.Equal(Links(English).Order(StringComparer.Ordinal), Links(Chinese).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_Chinese_readme_has_the_blocks_of_the_English_one_up_to_its_layout()
    {
        var translated = Blocks(ChineseReadme);

        Assert.Equal(Blocks(Readme)[..translated.Count], translated);
        Assert.True(translated.Count >= 2);
    }

    [Fact]
    public void The_readmes_lead_to_the_same_places_and_tell_the_same_commands_of_the_AppHost()
    {
        Assert.Equal(Places(Readme), Places(ChineseReadme));
        Assert.Equal(Commands(Readme, "## Starting it"), Commands(ChineseReadme, "## 启动"));
    }

    [Fact]
    public void Each_readme_leads_to_the_other_and_begins_with_what_it_is_a_picture_and_two_commands()
    {
        Assert.Contains("](README.zh-CN.md)", string.Join('\n', Books.Text(Readme).Split('\n')[..8]), StringComparison.Ordinal);
        Assert.Contains("](README.md)", string.Join('\n', Books.Text(ChineseReadme).Split('\n')[..8]), StringComparison.Ordinal);
        foreach (var file in (string[])[Readme, ChineseReadme])
        {
            var text = Books.Text(file);
            Assert.Matches(@"\A# LoraAspire\n[\s\S]{100,700}?\n!\[[^\]]+\]\(docs/lab\.png\)\n\n```bash\n[^\n]+\n[^\n]+\n```\n", text);
        }
    }

    private static List<string> Blocks(string file) =>
        [.. CodeBlock.Of(file).Select(block => $"{block.Language}\n{block.WithoutComments}")];

    /// <summary>Headings by level, and the rows of tables under each.</summary>
    private static List<string> Shape(string file)
    {
        var inside = false;
        List<string> shape = [];
        foreach (var line in Books.Text(file).Split('\n'))
        {
            inside ^= line.StartsWith("```", StringComparison.Ordinal);
            if (!inside && (line.StartsWith('#') || line.StartsWith('|')))
            {
                shape.Add(line[0] == '|' ? $"| {line.Count(letter => letter == '|')}" : line.Split(' ')[0]);
            }
        }
        return shape;
    }

    /// <summary>Each leads to the other besides.</summary>
    private static SortedSet<string> Places(string file) =>
        [.. Links(file).Where(link => !link.StartsWith("README", StringComparison.Ordinal))];

    private static List<string> Commands(string file, string heading) =>
        [.. Books.Table(Books.Section(file, heading)).Select(row => row[0])];

    /// <summary>Files that are led to, of either language; what is on the Web or in the page itself is left out.</summary>
    private static List<string> Links(string file) =>
    [
        .. Books.Links(Books.Text(file)).Select(link => link.Split('#')[0])
            .Where(link => link.Length > 0 && !link.StartsWith("http", StringComparison.Ordinal))
            .Select(link => link.Replace(".zh-CN.md", ".md", StringComparison.Ordinal)),
    ];
}
