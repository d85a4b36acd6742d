using LoraAspire.Model;
using LoraAspire.Model.Data;
using LoraAspire.Tests.DataBuild;

namespace LoraAspire.Tests.Data;

public sealed class DatasetFolderTests
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private const string Records = """
        [{"instruction": "Name a fruit.", "output": "Apple"},
         {"instruction": "Name a colour.", "output": "Red"},
         {"instruction": "Name a thing.", "output": ""},
         {"instruction": "Name an APPLE tree.", "output": "Golden"}]
        """;

    [Fact]
    public async Task What_data_build_wrote_can_be_read_by_itself()
    {
        using var folder = DatasetFolder.Open(await BuildAsync());
        var row = folder.Inspect(1);
        Assert.Equal("Red</s>", Assert.Single(row.Segments, segment => segment.CarriesLoss).Text);
        Assert.Contains("Name a colour.", row.Segments[0].Text);
        Assert.Equal(3, folder.Facts.Rows);
        Assert.Equal((4, 3, 0), (folder.Facts.Total.Records, folder.Facts.Total.Written, folder.Facts.Total.Truncated));
        Assert.Equal(1, Assert.Single(folder.Facts.Total.Dropped).Value);
        Assert.Equal(folder.Facts.Total.Tokens, Enumerable.Range(0, 3).Sum(at => folder.Inspect(at).Tokens.Count));
        Assert.Equal(folder.Facts.Total.LossTokens, Enumerable.Range(0, 3).Sum(at => folder.Inspect(at).LossTokens));
        Assert.Equal(3, folder.Facts.LengthBins.Sum(bin => bin.Rows));
        Assert.Equal("plain", folder.Facts.PromptTemplateName);
        Assert.Contains(folder.Facts.Lineage!.Digests(),
            source => source.What.StartsWith("data ", StringComparison.Ordinal) && source.Sha256.Length == 64);
    }

    [Fact]
    public async Task Its_description_is_written_as_it_is_read()
    {
        var built = await BuildAsync();
        var again = Directory.CreateTempSubdirectory("lora-").FullName;
        DatasetFacts.Read(built).Write(again);
        Assert.Equal(await File.ReadAllTextAsync(Path.Combine(built, DatasetFacts.FileName), Cancel),
            await File.ReadAllTextAsync(Path.Combine(again, DatasetFacts.FileName), Cancel));
        Directory.Delete(again, recursive: true);
    }

    [Fact]
    public async Task Of_the_rows_that_match_each_is_drawn_as_often_as_any_other()
    {
        using var folder = DatasetFolder.Open(await BuildAsync());
        Random random = new(1);
        // Rows 0 and 2 hold "apple"; of 1,000 fair draws one of them has between 400 and 600 in all but one of a thousand million cases.
        var drawn = Enumerable.Range(0, 1000).Select(_ => Assert.Single(folder.Draw(new("apple"), 1, random, Cancel))).CountBy(row => row)
            .ToDictionary();
        Assert.Equal([0, 2], drawn.Keys.Order());
        Assert.InRange(drawn[0], 400, 600);
        Assert.Equal([0, 1, 2], folder.Draw(new(), 5, random, Cancel));
    }

    [Fact]
    public async Task A_row_that_is_not_there_is_named_with_how_many_are()
    {
        using var folder = DatasetFolder.Open(await BuildAsync());
        Assert.Equal("No row 3: the data set has 3 rows, 0 to 2.", Assert.Throws<ModelException>(() => folder.Inspect(3)).Message);
    }

    [Fact]
    public async Task Searching_finds_the_nearest_row_on_the_side_it_looks()
    {
        using var folder = DatasetFolder.Open(await BuildAsync());
        RowFilter apple = new("apple");
        Assert.Equal(0, folder.Find(apple, 0, 1, Cancel));
        Assert.Equal(2, folder.Find(apple, 1, 1, Cancel));
        Assert.Equal(0, folder.Find(apple, 1, -1, Cancel));
        Assert.Null(folder.Find(new("pear"), 0, 1, Cancel));
        Assert.Null(folder.Find(apple with { Source = "another" }, 0, 1, Cancel));
        Assert.Equal(2, folder.Find(apple with { Source = folder.Inspect(2).Source }, 1, 1, Cancel));
        var length = folder.Inspect(2).Tokens.Count;
        Assert.Equal(2, folder.Find(apple with { Tokens = (length, length) }, 1, 1, Cancel));
        Assert.Null(folder.Find(apple with { Tokens = (length + 1, 1000) }, 2, 1, Cancel));
        Assert.Throws<OperationCanceledException>(() => folder.Find(apple, 0, 1, new CancellationToken(canceled: true)));
    }

    [Fact]
    public async Task A_data_set_without_its_tokenizer_says_what_to_do()
    {
        var path = await BuildAsync();
        Directory.Delete(Path.Combine(path, InstructionDataset.TokenizerFolder), recursive: true);
        Assert.Contains("Run the pipeline again.", Assert.Throws<ModelException>(() => DatasetFolder.Open(path)).Message);
    }

    private static async Task<string> BuildAsync() =>
        (await new StageRun().File("a.json", Records).RunAsync(
            StageRun.With(StageRun.Alpaca("a.json")) with { EmptyOutput = LoraAspire.Pipelines.Stages.EmptyOutput.Skip })).Dataset;
}
