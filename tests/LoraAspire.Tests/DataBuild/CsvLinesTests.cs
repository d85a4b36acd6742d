using LoraAspire.Model.Data;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Tests.DataBuild;

public sealed class CsvLinesTests
{
    [Fact]
    public async Task A_row_of_a_csv_has_the_line_that_it_begins_at_with_blank_lines_and_line_breaks_in_fields()
    {
        // Line 1 header, 2 blank, 3 the first row, 4 to 8 the second, 9 and 10 blank, 11 the third.
        var run = await new StageRun()
            .File("a.csv", "\uFEFFinstruction,input,output\r\n\r\nq1,,a1\r\n\"multi\r\nline\r\n\r\nq\",,\"a\r\nb\"\r\n\r\n\r\nq3,,a3\r\n")
            .RunAsync(StageRun.With(StageRun.Alpaca("a.csv")));
        using var rows = InstructionDataset.Open(run.Dataset);
        Assert.Equal([3L, 4, 11], Enumerable.Range(0, rows.Count).Select(row => rows.Origin(row).Line));
    }

    [Fact]
    public async Task A_row_with_a_field_too_few_after_blank_lines_is_named_by_its_own_line() =>
        Assert.StartsWith("a.csv:5: row 1 has 1 fields",
            await new StageRun().File("a.csv", "instruction,output\nq,a\n\n\nq2\n").FailureAsync(StageRun.With(StageRun.Alpaca("a.csv"))));

    [Theory]
    [InlineData("a.csv", "\"instruction\",output\n")]
    [InlineData("a.tsv", "instruction\toutput\n")]
    public async Task A_mark_of_UTF_8_is_skipped_and_lets_no_other_bytes_pass(string name, string header)
    {
        var separator = name.EndsWith("csv", StringComparison.Ordinal) ? "," : "\t";
        byte[] good = [0xEF, 0xBB, 0xBF, .. System.Text.Encoding.UTF8.GetBytes($"{header}a{separator}b\n")];
        var run = await new StageRun().File(name, good).RunAsync(StageRun.With(StageRun.Alpaca(name)));
        using var rows = InstructionDataset.Open(run.Dataset);
        Assert.Equal(1, rows.Count);
        Assert.Contains($"{name}:3: not UTF-8", await new StageRun().File(name, [.. good, 0xC4, 0xE3,
            .. System.Text.Encoding.UTF8.GetBytes($"{separator}b\n")]).FailureAsync(StageRun.With(StageRun.Alpaca(name))));
    }

    [Fact]
    public async Task A_carriage_return_inside_a_field_is_no_line() =>
        Assert.Contains("a.csv:3: the output is empty",
            await new StageRun().File("a.csv", "instruction,input,output\n\"a\rb\",,x\n\"c\",,\n")
                .FailureAsync(StageRun.With(StageRun.Alpaca("a.csv")) with { EmptyOutput = EmptyOutput.Error }));

    [Fact]
    public async Task A_quote_without_an_end_is_named_by_the_line_where_it_opens() =>
        Assert.StartsWith("a.csv:3: ", await new StageRun().File("a.csv", "instruction,output\nq,a\n\"open,x\nq,a\n")
            .FailureAsync(StageRun.With(StageRun.Alpaca("a.csv"))));
}
