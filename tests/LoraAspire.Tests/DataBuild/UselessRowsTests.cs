using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Tests.DataBuild;

/// <summary>Data sets of which nothing, or something else than meant, would be learned.</summary>
public sealed class UselessRowsTests
{
    private const string Same = "{\"instruction\": \"a\", \"output\": \"b\"}\n";

    [Fact]
    public async Task Rows_that_are_all_alike_stop_the_stage_unless_they_are_one_record()
    {
        var words = await new StageRun().File("a.jsonl", Same + Same + Same).FailureAsync(StageRun.With(StageRun.Alpaca("a.jsonl")));
        Assert.StartsWith("All 3 rows are alike, as the one from a.jsonl:1", words);
        Assert.StartsWith("All 2 rows are alike", await new StageRun().File("a.jsonl", Same).File("b.jsonl", Same)
            .FailureAsync(StageRun.With(StageRun.Alpaca("a.jsonl"), StageRun.Alpaca("b.jsonl"))));
        Assert.StartsWith("All 2 rows are alike", await new StageRun().File("t.csv", "text,label\nx,1\ny,1\n")
            .FailureAsync(
                StageRun.With(new TableSource { Path = "t.csv", Templates = ["Which?"], Input = "[label]", Output = "[label]" })));
        var kept = await new StageRun().File("a.jsonl", Same + Same)
            .RunAsync(StageRun.With(StageRun.Alpaca("a.jsonl")) with { Dedup = new() { Exact = true } });
        Assert.Equal(1, kept.Facts.Rows);
        var repeated = await new StageRun().File("a.jsonl", Same).RunAsync(StageRun.With(StageRun.Alpaca("a.jsonl", repeat: 5)));
        Assert.Equal(5, repeated.Facts.Rows);
        var other = await new StageRun().File("a.jsonl", Same + Same + Same.Replace("b", "c", StringComparison.Ordinal))
            .RunAsync(StageRun.With(StageRun.Alpaca("a.jsonl")));
        Assert.Equal(3, other.Facts.Rows);
    }

    [Fact]
    public async Task Prompts_that_are_learned_by_default_are_said()
    {
        var text = string.Concat(
            Enumerable.Range(0, 5).Select(i => $"{{\"instruction\": \"Tell me of the number {i}.\", \"output\": \"{i}.\"}}\n"));
        var with = StageRun.With(StageRun.Alpaca("a.jsonl")) with { PromptTemplateName = "alpaca" };
        var run = await new StageRun().File("a.jsonl", text).RunAsync(with with { TrainOnInputs = true });
        var share = 1 - run.Facts.MaskedShare;
        Assert.InRange(share, 0.9, 1);
        Assert.Matches(
            @"^9\d\.\d ?% of the tokens carry loss: train_on_inputs is true \(its default\), so the prompts are learned as well\. "
            + @"train_on_inputs: false learns the answers alone\.$", Assert.Single(run.Facts.Notes));
        Assert.Contains("train_on_inputs: false learns the answers alone.",
            await File.ReadAllTextAsync(Path.Combine(run.Dataset, "report.md"), TestContext.Current.CancellationToken));
        Assert.Empty((await new StageRun().File("a.jsonl", text).RunAsync(with)).Facts.Notes);
    }
}
