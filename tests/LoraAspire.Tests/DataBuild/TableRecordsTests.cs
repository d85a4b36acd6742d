using System.Text;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;

namespace LoraAspire.Tests.DataBuild;

public sealed class TableRecordsTests
{
    private const string Reviews = "text,label\n\"Good, and\ncheap\",1\nBroken,0\n";

    private static readonly TableSource Sentiment = new()
    {
        Path = "r.csv",
        Templates = ["Is it good? [text]"],
        Output = "[label]",
        Values = new Dictionary<string, IReadOnlyDictionary<string, string>>
        {
            ["label"] =
            new Dictionary<string, string> { ["0"] = "negative", ["1"] = "positive" }
        },
    };

    private static List<SourceRecord> Records(TableSource with, string text, int seed = 1, params (string Name, string Text)[] files)
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        foreach (var (name, content) in files.Append((Name: with.Path, Text: text)))
        {
            File.WriteAllBytes(Path.Combine(folder, name), Encoding.UTF8.GetBytes(content));
        }
        DataFile Find(string name) => DataFile.Find(new DataRoot(folder), name);
        return [.. new TableRecords(with, Find(with.Path), Find, seed, []).Read()];
    }

    private static string Failure(TableSource with, string text, params (string Name, string Text)[] files) =>
        Assert.Throws<StageException>(() => Records(with, text, 1, files)).Message;

    [Fact]
    public void A_row_fills_a_template_and_its_value_becomes_a_word()
    {
        var records = Records(Sentiment, Reviews);
        Assert.Equal([("Is it good? Good, and\ncheap", "", "positive", 2L), ("Is it good? Broken", "", "negative", 4)],
            records.Select(record => (record.Record.Instruction, record.Record.Input, record.Record.Output, record.Line)));
    }

    [Fact]
    public void The_input_may_stand_apart_and_templates_in_a_file()
    {
        var with = Sentiment with { Templates = ["t.txt"], Input = "Review: [text]", Output = "It is [label]." };
        var record = Records(with, Reviews, 1, ("t.txt", "# ours\n\nSay what it is.\n"))[1].Record;
        Assert.Equal(("Say what it is.", "Review: Broken", "It is negative."), (record.Instruction, record.Input, record.Output));
    }

    [Fact]
    public void Templates_are_drawn_evenly_and_by_the_seed()
    {
        var with = Sentiment with { Templates = ["A [text]", "B [text]", "C [text]"] };
        var table = "text,label\n" + string.Concat(Enumerable.Range(0, 100).Select(i => $"t{i},1\n"));
        string Drawn(int seed) => string.Concat(Records(with, table, seed).Select(record => record.Record.Instruction[0]));
        Assert.Equal([33, 33, 34], Drawn(1).CountBy(letter => letter).Select(pair => pair.Value).Order());
        Assert.Equal(Drawn(1), Drawn(1));
        Assert.NotEqual(Drawn(1), Drawn(2));
    }

    [Fact]
    public void A_cell_that_holds_a_placeholder_is_text_and_stays()
    {
        var record = Assert.Single(
            Records(Sentiment with { Templates = ["Is it good? [text] / [label]"] }, "text,label\nthe [label] of [text],1\n")).Record;
        Assert.Equal("Is it good? the [label] of [text] / positive", record.Instruction);
    }

    [Fact]
    public void A_column_is_a_placeholder_whatever_its_name_is_made_of()
    {
        var with = Sentiment with
        {
            Templates = ["Judge [Review (text)], as in [1]"],
            Output = "[a/b]",
            Values = new Dictionary<string, IReadOnlyDictionary<string, string>>()
        };
        var record = Assert.Single(Records(with, "Review (text),a/b\nfine,good\n")).Record;
        Assert.Equal(("Judge fine, as in [1]", "good"), (record.Instruction, record.Output));
    }

    [Fact]
    public void A_slip_in_such_a_name_is_a_mistake_and_a_column_without_a_name_is_none()
    {
        var with = Sentiment with
        {
            Templates = ["Judge [Reviev (text)]"],
            Output = "[a/b]",
            Values = new Dictionary<string, IReadOnlyDictionary<string, string>>()
        };
        Assert.Contains("nothing is known of the placeholder [Reviev (text)]", Failure(with, "Review (text),a/b\nfine,good\n"));
        Assert.Equal("A list such as [] or [1]: fine",
            Assert.Single(Records(Sentiment with { Templates = ["A list such as [] or [1]: [text]"] },
                ",1,text,label\n0,x,fine,1\n")).Record.Instruction);
    }

    [Fact]
    public void A_prompt_or_answer_that_would_be_the_same_in_every_record_is_refused()
    {
        Assert.Contains("output is the word 'label' in every record", Failure(Sentiment with { Output = "label" }, Reviews));
        Assert.Contains("templates, item 1: names no column", Failure(Sentiment with { Templates = ["Is it good?"] }, Reviews));
        Assert.NotEmpty(Records(Sentiment with { Templates = ["Is it good?"], Input = "[text]" }, Reviews));
    }

    [Fact]
    public void An_empty_cell_that_a_placeholder_names_leaves_the_row_out()
    {
        var records = Records(Sentiment, "text,label,note\n ,1,\nfine,,\nfine,1,\n");
        Assert.Equal(["'text' is empty", "'label' is empty", null], records.Select(record => record.Dropped));
    }

    [Fact]
    public void A_placeholder_that_is_no_column_is_told_before_the_first_row()
    {
        Assert.Contains("templates, item 2: nothing is known of the placeholder [txt]. There are: [text], [label]",
            Failure(Sentiment with { Templates = ["[text]", "[txt]"] }, Reviews));
        Assert.Contains("t.txt:2: nothing is known of the placeholder [txt]",
            Failure(Sentiment with { Templates = ["t.txt"] }, Reviews, ("t.txt", "[text]\n[txt]\n")));
        Assert.Contains("output: nothing is known of the placeholder [lable]", Failure(Sentiment with { Output = "[lable]" }, Reviews));
        Assert.Contains("input: nothing is known of the placeholder [body]", Failure(Sentiment with { Input = "[body]" }, Reviews));
    }

    [Fact]
    public void A_value_without_a_word_is_refused_with_its_line() =>
        Assert.Contains("r.csv:4: 'label' is '2', for which values has no word. It has: 0, 1",
            Failure(Sentiment, "text,label\n\"a\nb\",1\nc,2\n"));

    [Fact]
    public void Words_for_a_column_that_the_file_has_not_are_refused()
    {
        var with = Sentiment with
        {
            Values =
            new Dictionary<string, IReadOnlyDictionary<string, string>> { ["lable"] = Sentiment.Values["label"] }
        };
        Assert.Contains("values names the column 'lable', did you mean 'label'? r.csv has: text, label", Failure(with, Reviews));
    }

    [Fact]
    public void A_truth_value_of_JSON_has_its_word_too()
    {
        var with = Sentiment with
        {
            Path = "r.jsonl",
            Values = new Dictionary<string, IReadOnlyDictionary<string, string>>
            {
                ["label"] =
            new Dictionary<string, string> { ["true"] = "yes", ["false"] = "no" }
            }
        };
        Assert.Equal(["yes", "no"], Records(with, "{\"text\": \"a\", \"label\": true}\n{\"text\": \"b\", \"label\": false}")
            .Select(record => record.Record.Output));
    }

    [Fact]
    public void A_row_of_JSON_that_lacks_a_named_column_is_refused_with_its_line() =>
        Assert.Contains("r.jsonl:2: row 1 has no 'label'. It has: text",
            Failure(Sentiment with { Path = "r.jsonl" }, "{\"text\": \"a\", \"label\": 1}\n{\"text\": \"b\"}"));
}
