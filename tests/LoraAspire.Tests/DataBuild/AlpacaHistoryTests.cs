using LoraAspire.DataBuild.Sources;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using Parquet.Serialization;

namespace LoraAspire.Tests.DataBuild;

/// <summary>Alpaca records with the turns before them and a system text, as LLaMA-Factory writes them.</summary>
public sealed class AlpacaHistoryTests
{
    [Fact]
    public async Task The_reported_record_teaches_each_answer_of_its_history_under_its_system_text()
    {
        var run = await new StageRun().ReportFile("alpaca-history-system-dropped/data/history.json")
            .RunAsync(StageRun.With(StageRun.Alpaca("history.json")));
        Assert.Equal("Hola.|Hallo.|Bonjour.", run.Learned(0));
        var read = string.Concat(run.Row(0).Where(segment => !segment.Learned).Select(segment => segment.Text));
        Assert.Matches(@"^You are a curt interpreter\.[^.]*Say hello in Spanish\.[^.]*And in German\?[^.]*And in French\?", read);
        Assert.Equal("Hello.", run.Learned(1));
        Assert.Equal(4, run.Facts.Rows);
    }

    private static SourceRecord Only(string name, string text, params (string Key, string Column)[] columns)
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("lora-").FullName, name);
        File.WriteAllText(path, text);
        AlpacaSource source = new() { Path = name, Columns = columns.ToDictionary(pair => pair.Key, pair => pair.Column) };
        return Assert.Single(new AlpacaRecords(source, new(name, path)).Read());
    }

    [Theory]
    [InlineData("a.jsonl", """{"instruction": "c", "output": "d", "system": "S", "history": [["a", "b"]]}""")]
    [InlineData("a.json", """[{"history": "[[\"a\", \"b\"]]", "instruction": "c", "input": null, "output": "d", "system": "S"}]""")]
    [InlineData("a.csv", "instruction,output,system,history\nc,d,S,\"[[\"\"a\"\", \"\"b\"\"]]\"\n")]
    [InlineData("a.tsv", "instruction\toutput\tsystem\thistory\nc\td\tS\t[[\"a\", \"b\"]]\n")]
    public void Every_form_of_a_table_holds_them(string name, string text)
    {
        var record = Only(name, text).Record;
        Assert.Equal(("c", "", "d", "S"), (record.Instruction, record.Input, record.Output, record.System));
        Assert.Equal([("a", "b")], record.History.Select(turn => (turn.Question, turn.Answer)));
    }

    [Theory]
    [InlineData("""{"instruction": "c", "output": "d", "system": "", "history": []}""")]
    [InlineData("""{"instruction": "c", "output": "d", "system": null, "history": null}""")]
    [InlineData("""{"instruction": "c", "output": "d", "history": ""}""")]
    public void Empty_ones_are_none(string text)
    {
        var record = Only("a.json", text).Record;
        Assert.Null(record.System);
        Assert.Empty(record.History);
    }

    [Theory]
    [InlineData("""{"instruction": "c", "output": "d", "history": [["a"]]}""")]
    [InlineData("""{"instruction": "c", "output": "d", "history": [["a", null]]}""")]
    [InlineData("""{"instruction": "c", "output": "d", "history": {"a": "b"}}""")]
    [InlineData("""{"instruction": "c", "output": "d", "history": "a said b"}""")]
    public void Another_shape_is_refused_by_its_name(string text) =>
        Assert.Contains("a.json:1: row 0: 'history' must be a list of the turns before, each a list of two texts",
            Assert.Throws<StageException>(() => Only("a.json", text)).Message);

    [Fact]
    public void Half_a_character_in_a_cell_s_list_is_refused_in_words() =>
        Assert.Contains("a.tsv:2: row 0: 'history' holds half of a surrogate pair", Assert.Throws<StageException>(
            () => Only("a.tsv", "instruction\toutput\thistory\nc\td\t[[\"\\ud800\", \"x\"]]\n")).Message);

    [Fact]
    public void They_may_have_other_names_and_a_name_that_is_no_part_of_a_record_is_told()
    {
        var record = Only("a.json", """{"q": "c", "a": "d", "sys": "S", "before": [["a", "b"]]}""",
            ("instruction", "q"), ("output", "a"), ("system", "sys"), ("history", "before")).Record;
        Assert.Equal(("S", "b"), (record.System, Assert.Single(record.History).Answer));
        Assert.Contains("not 'past'",
            new AlpacaSource { Path = "a", Columns = new Dictionary<string, string> { ["past"] = "x" } }.Problem());
    }

    [Fact]
    public async Task Placeholders_are_filled_in_them_too()
    {
        var run = await new StageRun()
            .File("a.json",
                """{"instruction": "Who?", "output": "{{name}}.", "system": "Be {{name}}.", "history": [["{{name}}?", "I am {{"""
                    + """name}}."]]}""")
            .RunAsync(StageRun.With(new AlpacaSource { Path = "a.json", Fill = new Dictionary<string, string> { ["name"] = "Pebble" } }));
        Assert.Equal("I am Pebble.|Pebble.", run.Learned(0));
        Assert.StartsWith("Be Pebble.", run.Row(0)[0].Text);
    }

    private sealed class Talk
    {
        public string? instruction { get; set; }
        public string? output { get; set; }
        public List<List<string>> history { get; set; } = [];
    }

    [Fact]
    public async Task A_list_in_a_parquet_file_is_no_column_that_is_left_out()
    {
        var path = Path.Combine(Directory.CreateTempSubdirectory("lora-").FullName, "a.parquet");
        await using (var file = File.Create(path))
        {
            await ParquetSerializer.SerializeAsync(
                [new Talk { instruction = "c", output = "d", history = [["a", "b"], ["x", "y"], ["z", "w"]] },
                new Talk { instruction = "e", output = "f", history = [] }, new Talk { instruction = "g", output = "h",
                    history = [["i", "j"]] }], file,
                cancellationToken: TestContext.Current.CancellationToken);
        }
        Assert.Equal(["a b, x y, z w, c d", "e f", "i j, g h"],
            new AlpacaRecords(new() { Path = "a.parquet" }, new("a.parquet", path)).Read()
            .Select(record => record.Record).Select(record => string.Join(", ", record.History
                .Append(new(record.Instruction, record.Output)).Select(turn => $"{turn.Question} {turn.Answer}"))));
    }
}
