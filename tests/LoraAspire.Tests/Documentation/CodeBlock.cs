using LoraAspire.Tests.Architecture;

namespace LoraAspire.Tests.Documentation;

/// <summary>A fenced block of a Markdown file.</summary>
/// <param name="Line">Of its first line, from 1.</param>
internal sealed record CodeBlock(string File, int Line, string Language, string Text)
{
    private const string Fence = "```";

    /// <param name="file">A path from the repository's root.</param>
    public static IReadOnlyList<CodeBlock> Of(string file)
    {
        List<CodeBlock> blocks = [];
        List<string>? inside = null;
        var (language, first) = ("", 0);
        foreach (var (number, line) in Lines(file).Index())
        {
            if (!line.StartsWith(Fence, StringComparison.Ordinal))
            {
                inside?.Add(line);
            }
            else if (inside is null)
            {
                (inside, language, first) = ([], line[Fence.Length..].Trim(), number + 2);
            }
            else
            {
                blocks.Add(new(file, first, language, string.Join('\n', inside)));
                inside = null;
            }
        }
        Assert.True(inside is null, $"{file}:{first - 1}: the block doesn't end");
        return blocks;
    }

    /// <summary>What a machine reads of it: comments may be in another language.</summary>
    public string WithoutComments => string.Join('\n', Text.Split('\n').Select(Uncommented).Where(line => line.Length > 0));

    /// <summary>A line of a shell or of YAML: a # after white space begins a comment, unless it stands in quotes.</summary>
    internal static string Uncommented(string line)
    {
        char? quote = null;
        for (var i = 0; i < line.Length; i++)
        {
            if (line[i] == '#' && quote is null && (i == 0 || char.IsWhiteSpace(line[i - 1])))
            {
                return line[..i].TrimEnd();
            }
            quote = quote is null && line[i] is '"' or '\'' ? line[i] : quote == line[i] ? null : quote;
        }
        return line.TrimEnd();
    }

    private static string[] Lines(string file) => System.IO.File.ReadAllText(Path.Combine(SourceFiles.Root, file)).Split('\n');

    public override string ToString() => $"{File}:{Line}";
}
