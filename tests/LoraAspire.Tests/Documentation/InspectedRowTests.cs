using LoraAspire.Cli;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Tests.Architecture;
using LoraAspire.Tests.DataBuild;
using LoraAspire.Tests.Terminal;

namespace LoraAspire.Tests.Documentation;

/// <summary>The row of the quickstart that the lab shows is the one that its commands print.</summary>
[Collection(CapturedTerminal.Collection)]
public sealed class InspectedRowTests
{
    [Theory]
    [InlineData("docs/lab.md")]
    [InlineData("docs/lab.zh-CN.md")]
    public async Task What_the_lab_shows_of_the_first_row_is_what_its_commands_print(string book)
    {
        var pipeline = PipelineParser.Parse(Books.Text("pipelines/quickstart.yaml"), "quickstart.yaml").Pipeline!;
        var built = await new StageRun { Data = SourceFiles.Root }.RunAsync((DataBuildParams)pipeline.Stage("data").With);
        var shown = CodeBlock.Of(book).Zip(CodeBlock.Of(book).Skip(1))
            .Where(pair => pair.First.Text.Contains("data inspect RUN --row 0", StringComparison.Ordinal)).ToList();

        Assert.Equal(2, shown.Count);
        foreach (var (command, sample) in shown)
        {
            using CapturedTerminal terminal = new();
            Assert.Equal(0, await LoraCommand.RunAsync(["data", "inspect", built.Dataset, "--row", "0",
                .. command.Text.Contains("--tokens", StringComparison.Ordinal) ? new[] { "--tokens" } : []]));
            var printed = string.Join('\n', terminal.Out.Split('\n').Select(line => line.TrimEnd()));
            Assert.All(sample.Text.Split("…\n"), part => Assert.Contains(part, printed, StringComparison.Ordinal));
        }
    }
}
