using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests.DataBuild;

/// <summary>Fields of a record that hold nothing, or something else than a text: said by row and name.</summary>
public sealed class RecordFieldsTests
{
    private static Task<string> Refused(string record, EmptyOutput emptyOutput = EmptyOutput.Keep) => new StageRun()
        .File("a.json", $$"""[{"instruction": "a", "output": "b"}, {{record}}]""")
        .FailureAsync(StageRun.With(StageRun.Alpaca("a.json")) with { EmptyOutput = emptyOutput });

    [Fact]
    public async Task The_reported_instruction_is_null_in_row_3() =>
        Assert.StartsWith("null_instruction.json:1: row 3: instruction is null.",
        await new StageRun().ReportFile("null-instruction/data/null_instruction.json")
            .FailureAsync(StageRun.With(StageRun.Alpaca("null_instruction.json"))));

    [Theory]
    [InlineData("""{"instruction": null, "output": "b"}""", "a.json:1: row 1: instruction is null.")]
    [InlineData("""{"instruction": "a", "output": null}""", "a.json:1: row 1: output is null.")]
    [InlineData("""{"instruction": 3, "output": "b"}""", "row 1: 'instruction' is number, but must be a text. Put it in quotes.")]
    [InlineData("""{"instruction": "a", "output": true}""", "row 1: 'output' is true, but must be a text. Put it in quotes.")]
    [InlineData("""{"instruction": "a", "input": 2.5, "output": "b"}""", "row 1: 'input' is number, but must be a text.")]
    [InlineData("""{"instruction": "a", "output": {"answer": "b"}}""", "row 1: 'output' is an object, but must be a text. Write it as one")]
    [InlineData("""{"instruction": "a", "output": ["b", "c"]}""", "row 1: 'output' is a list, but must be a text. Write it as one")]
    [InlineData("""{"instruction": "a", "input": ["b"], "output": "c"}""", "row 1: 'input' is a list, but must be a text.")]
    [InlineData("""{"instruction": "a", "output": "c", "system": {"a": 1}}""", "row 1: 'system' is an object, but must be a text.")]
    [InlineData("""{"instruction": "a"}""", "row 1 has no 'output'")]
    public async Task What_is_no_text_is_refused_by_row_and_name(string record, string words) =>
        Assert.Contains(words, await Refused(record));

    [Fact]
    public async Task An_output_of_null_is_an_empty_one_where_those_have_a_policy()
    {
        Assert.Contains("the output is empty", await Refused("""{"instruction": "a", "output": null}""", EmptyOutput.Error));
        var run = await new StageRun()
            .File("a.json", """[{"instruction": "a", "input": null, "output": "b"}, {"instruction": "c", "output": null}]""")
            .RunAsync(StageRun.With(StageRun.Alpaca("a.json")) with { EmptyOutput = EmptyOutput.Skip });
        Assert.Equal((1L, 1L), (run.Facts.Rows, run.Facts.Total.Dropped["empty output"]));
    }
}
