using System.Text;
using LoraAspire.Pipelines.Stages.DataSources;

namespace LoraAspire.Tests.DataBuild;

/// <summary>The forms in which people have their files: what is plain is read, and said; the rest is told with what to do.</summary>
public sealed class FilesAsWrittenTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    private static Task<StageRun> Built(string name, byte[] bytes) =>
        new StageRun().File(name, bytes).RunAsync(StageRun.With(StageRun.Alpaca(name)));

    private static Task<string> Refused(string name, string text) =>
        new StageRun().File(name, text).FailureAsync(StageRun.With(StageRun.Alpaca(name)));

    [Fact]
    public async Task The_reported_table_of_a_German_Excel_is_read_and_said_to_be_separated_by_semicolons()
    {
        var run = await new StageRun().ReportFile("csv-semicolon-words/data/excel_semicolon.csv")
            .RunAsync(StageRun.With(StageRun.Alpaca("excel_semicolon.csv")));
        Assert.Equal("Hi.", run.Learned(0));
        Assert.Contains("excel_semicolon.csv: its columns are separated by ; and not by ,; it was read as that.", run.Facts.Notes);
    }

    [Theory]
    [InlineData("a.csv", "instruction\tinput\toutput\nSay hi, please.\t\tHi, \"you\".\n", "a quote stands inside a field")]
    [InlineData("a.csv", "instruction\tinput\toutput\nSay hi, please.\t\tHi.\n", null)]
    [InlineData("a.csv", "sep=;\r\ninstruction;output\r\n\"Say; hi, please.\";Hi.\r\n", null)]
    [InlineData("a.csv", "\uFEFF\"instruction\";\"input\";\"output\"\r\nSay hi, please.;;Hi.\r\n;;\r\n", null)]
    [InlineData("a.csv", " Instruction , Output \nSay hi.,Hi.\n", null)]
    [InlineData("a.csv", "instruction,output,,\nSay hi.,Hi.,,\n,,,\n", null)]
    [InlineData("a.tsv", "instruction;output\nSay hi, please.;Hi.\n", null)]
    [InlineData("a.csv", "instruction|output\nSay hi, please.|Hi.\n", null)]
    public async Task Other_separators_headers_and_rows_of_nothing(string name, string text, string? words)
    {
        if (words is not null)
        {
            Assert.Contains(words, await Refused(name, text));
            return;
        }
        var run = await Built(name, Encoding.UTF8.GetBytes(text));
        Assert.Equal((1L, "Hi."), (run.Facts.Rows, run.Learned(0)));
        Assert.NotEmpty(run.Facts.Notes);
    }

    [Fact]
    public async Task A_header_that_commas_separate_is_left_at_that() =>
        Assert.Contains("a.csv:2: row 0 has 1 fields", await Refused("a.csv", "instruction,output\nSay hi;Hi\n"));

    [Theory]
    [InlineData("a.csv", "instruction,output\nSay hi.,你好\n")]
    [InlineData("a.json", "[{\"instruction\": \"Say hi.\", \"output\": \"你好\"}]")]
    [InlineData("a.jsonl", "{\"instruction\": \"Say hi.\", \"output\": \"你好\"}\n")]
    public async Task UTF_16_of_either_order_with_a_mark_or_without_is_read(string name, string text)
    {
        foreach (var encoding in new[] { Encoding.Unicode, Encoding.BigEndianUnicode })
        {
            foreach (var mark in new[] { encoding.GetPreamble(), [] })
            {
                var run = await Built(name, [.. mark, .. encoding.GetBytes(text)]);
                Assert.Equal("你好", run.Learned(0));
                Assert.Contains($"{name} is in UTF-16; it was read as that.", run.Facts.Notes);
            }
        }
        Assert.Contains("half a character of UTF-16", await new StageRun()
            .File(name, [0xFF, 0xFE, .. Encoding.Unicode.GetBytes(text), 0x3D, 0xD8, 0x41, 0])
            .FailureAsync(StageRun.With(StageRun.Alpaca(name))));
    }

    [Theory]
    [InlineData("[\n{\"instruction\":\"a b\",\"output\":\"c\"},\n{\"instruction\":\"d\",\"output\":\"e\"},\n]\n", 3)]
    [InlineData("[{\"instruction\":\"a\",\"output\":\"c\"},]", 1)]
    [InlineData("{\"data\": [\n{\"instruction\":\"a\",\"output\":\"c\"},\n\n\n]}", 2)]
    [InlineData("[{\"instruction\":\"a\",\"output\":\"c\"}\n,\n\n]", 2)]
    public async Task A_comma_after_the_last_record_is_told_with_its_line(string text, int line) =>
        Assert.Equal($"a.json:{line}: a comma after the last record: remove it.", await Refused("a.json", text));

    [Fact]
    public async Task The_reported_comma_stands_on_line_2() =>
        Assert.Equal("trailing_comma.json:2: a comma after the last record: remove it.", await new StageRun()
            .ReportFile("trailing-comma-words/data/trailing_comma.json")
            .FailureAsync(StageRun.With(StageRun.Alpaca("trailing_comma.json"))));

    [Theory]
    [InlineData("[{\"instruction\":\"a\",\n\"output\":\"c\",\n}]", "a.json:2: a comma after the last value of an object: remove it.")]
    [InlineData("[{'instruction': 'a'}]", "Is this what Python prints?")]
    [InlineData("[{\"instruction\": \"a\", \"output\": None}]", "it has no None, NaN or Infinity")]
    [InlineData("[{\"instruction\": \"a\", \"output\": \"b\"}\n{\"instruction\": \"c\", \"output\": \"d\"}]",
        "a.json:2: malformed JSON at byte 1 of the line (row 1): a comma or colon is missing before this")]
    [InlineData("{\"instruction\": \"a\", \"output\": \"b\"},\n{\"instruction\": \"c\", \"output\": \"d\"}", "a.json:1: malformed JSON")]
    [InlineData("// mine\n[{\"instruction\": \"a\", \"output\": \"b\"}]", "JSON has no comments: remove them")]
    [InlineData("[{\"instruction\": \"a\nb\", \"output\": \"b\"}]", "write \\n or \\t")]
    [InlineData("[{\"instruction\": \"a\", \"output\": \"b", "it was cut off")]
    [InlineData("[{\"instruction\": \"a\", \"output\": \"b\"}", "it was cut off")]
    public async Task Malformed_JSON_is_told_in_words(string text, string words)
    {
        var told = await Refused("a.json", text);
        Assert.Contains(words, told);
        Assert.DoesNotContain("reader options", told);
    }

    private const string Two = """[{"instruction": "a", "output": "b"}, {"instruction": "c", "output": "d"}]""";

    [Theory]
    [InlineData("a.json", $$$"""{"data": {{{Two}}}}""", "a.json: the records are those of its list 'data'.")]
    [InlineData("a.json", $$$"""{"version": 1.0, "info": {"by": ["x"], "n": {"a": []}}, "train": {{{Two}}}, "license": "x"}""",
        "a.json: the records are those of its list 'train'.")]
    [InlineData("a.jsonl", $$$"""{"tags": ["x"], "records": {{{Two}}}}""", "a.jsonl: the records are those of its list 'records'.")]
    [InlineData("a.json", """{"instruction": ["a", "c"], "output": ["b", "d"]}""",
        "a.json: one object with a list for each column; it was read as that.")]
    [InlineData("a.json", """{"instruction": {"0": "a", "1": "c"}, "input": {"0": null, "1": ""}, "output": {"0": "b", "1": "d"}}""",
        "a.json: one object with a list for each column; it was read as that.")]
    [InlineData("a.json", """{"x1": {"instruction": "a", "output": "b"}, "x2": {"instruction": "c", "output": "d"}}""",
        "a.json: one object with a record under each name; it was read as that.")]
    [InlineData("a.jsonl", Two, null)]
    [InlineData("a.json", "\uFEFF{\"instruction\": \"a\", \"output\": \"b\"}\n{\"instruction\": \"c\", \"output\": \"d\"}\n", null)]
    [InlineData("a.json", "{\"Instruction\": \"a\", \" output\": \"b\"}\r\n{\"Instruction\": \"c\", \"output\": \"d\"}\r\n",
        "a.json: its column 'Instruction' was read as instruction.")]
    public async Task Records_inside_an_object_or_turned_into_columns_are_found(string name, string text, string? note)
    {
        var run = await Built(name, Encoding.UTF8.GetBytes(text));
        Assert.Equal(["b", "d"], Enumerable.Range(0, (int)run.Facts.Rows).Select(run.Learned));
        Assert.Equal(note is null, run.Facts.Notes.Count == 0);
        if (note is not null)
        {
            Assert.Contains(note, run.Facts.Notes);
        }
    }

    [Theory]
    [InlineData($$$"""{"train": {{{Two}}}, "test": {{{Two}}}}""",
        "a.json: one object with several lists of records: train, test. Write the one")]
    [InlineData("""{"instruction": ["a", "c"], "output": ["b"]}""", "'instruction' has 2 values and 'output' 1")]
    [InlineData("""{"data": {"train": 1}}""", "row 0 has no 'instruction'")]
    [InlineData("[1, 2]", "row 0 is a number, not an object")]
    public async Task What_could_be_meant_in_two_ways_is_refused(string text, string words) =>
        Assert.Contains(words, await Refused("a.json", text));

    [Fact]
    public async Task A_wrapped_file_of_any_length_is_read_with_its_lines()
    {
        var text = "{\"data\": [\n" + string.Join(",\n", Enumerable.Range(0, 60_000)
            .Select(i => $"{{\"instruction\": \"{i} {new string('x', 600)}\",\n\"output\": \"{i}\"}}")) + "\n]}";
        Assert.True(text.Length > 33 << 20);
        var path = Path.Combine(Directory.CreateTempSubdirectory("lora-").FullName, "a.json");
        await File.WriteAllTextAsync(path, text, None);
        var records = new LoraAspire.DataBuild.Sources.AlpacaRecords(new() { Path = "a.json" }, new("a.json", path)).Read();
        Assert.Equal(60_000, records.Count(record => record.Line == 2 + 2 * record.Row && record.Record.Output == $"{record.Row}"));
    }

    [Fact]
    public async Task Conversations_and_tables_are_found_in_an_object_too_and_their_own_lists_are_left_alone()
    {
        const string talk = """{"id": 1, "messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}""";
        foreach (var text in new[] { talk, $$"""{"data": [{{talk}}]}""", $$"""{"rows": [{{talk}}], "n": 1}""" })
        {
            var run = await new StageRun().File("c.json", text).RunAsync(StageRun.With(new ChatSource { Path = "c.json" }));
            Assert.Equal("b", run.Learned(0));
        }
        var table = await new StageRun().File("t.json", """{"data": [{"text": "good", "label": 1}, {"text": "bad", "label": 0}]}""")
            .RunAsync(StageRun.With(new TableSource { Path = "t.json", Templates = ["Good or bad? [text]"], Output = "[label]" }));
        Assert.Equal(["1", "0"], [table.Learned(0), table.Learned(1)]);
    }
}
