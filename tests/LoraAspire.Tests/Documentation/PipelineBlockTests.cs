using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Store;
using LoraAspire.Tests.Architecture;

namespace LoraAspire.Tests.Documentation;

public sealed class PipelineBlockTests
{
    public static TheoryData<string> Documents => [.. Books.Followed];

    /// <summary>As <c>lora check</c> holds it, where its files are the repository's; else as it is parsed.</summary>
    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_YAML_block_of_a_book_is_a_pipeline(string book)
    {
        ContentDigests content = new(LoraPaths.FromEnvironment([new("LORA_DATA", SourceFiles.Root),
            new("LORA_MODELS", Path.Combine(SourceFiles.Root, "models"))]));
        foreach (var block in CodeBlock.Of(book).Where(block => block.Language == "yaml" && !IsForeign(block)))
        {
            var named = block.Text.Contains("model:pebble", StringComparison.Ordinal)
                && !block.Text.Contains(" data/", StringComparison.Ordinal);
            var parsed = PipelineParser.Parse(block.Text, block.File, named ? content.References : null);

            Assert.Equal("", string.Join('\n', parsed.Errors.Select(error => $"{block} + {error.Line}: {error.Message}")));
            Assert.Equal("", string.Join('\n', parsed.Notes.Select(note => $"{block} + {note.Line}: {note.Message}")));
        }
    }

    [Theory]
    [InlineData("docs/lab.md")]
    [InlineData("docs/lab.zh-CN.md")]
    public void The_homework_with_the_lines_that_the_lab_adds_is_a_pipeline(string lab)
    {
        const string place = "      questions:\n";
        var homework = Books.Text("pipelines/homework.yaml");
        var added = CodeBlock.Of(lab).Single(block => block.Text.Contains("require:", StringComparison.Ordinal)).Text;
        Assert.Equal(2, homework.Split(place).Length);

        Assert.Empty(PipelineParser.Parse(homework.Replace(place, $"{added}\n{place}", StringComparison.Ordinal), lab).Errors);
    }

    private static bool IsForeign(CodeBlock block) => !block.Text.Contains("stages:", StringComparison.Ordinal);
}
