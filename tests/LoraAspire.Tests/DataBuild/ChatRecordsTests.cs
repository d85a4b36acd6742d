using System.Text;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model.Data;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.DataBuild;

public sealed class ChatRecordsTests
{
    private static List<SourceRecord> Records(string text, string name = "c.jsonl")
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        File.WriteAllBytes(Path.Combine(folder, name), Encoding.UTF8.GetBytes(text));
        return [.. new ChatRecords(DataFile.Find(new DataRoot(folder), name)).Read()];
    }

    /// <summary>The roles and words of a conversation in OpenAI's form: "user hi" and so on.</summary>
    private static string Messages(params string[] turns) =>
        "{\"messages\": [" + string.Join(", ",
            turns.Select(turn => turn.Split(' ', 2)).Select(turn => $"{{\"role\": \"{turn[0]}\", \"content\": \"{turn[1]}\"}}")) + "]}";

    private static string? Dropped(string text) => Assert.Single(Records(text)).ForPromptTemplate().Dropped;

    private const string Share =
        """{"id": "x", "conversations": [{"from": "system", "value": "Be brief."}, {"from": "human", "value": "Hi"}, {"from": "gpt","""
            + """ "value": "Hello"}, {"from": "human", "value": "Who?"}, {"from": "gpt", "value": "Pebble."}]}""";

    [Theory]
    [InlineData(Share)]
    [InlineData("""{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant","""
        + """ "content": "Hello", "tool_calls": null}, {"role": "user", "content": "Who?"}, {"role": "assistant", "content": "Pebble.","""
        + """ "tool_calls": []}]}""")]
    [InlineData("""{"system": "Be brief.", "conversations": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content":"""
        + """ "Hello"}, {"from": "human", "value": "Who?"}, {"from": "gpt", "value": "Pebble."}, {"from": "human", "value": "And?"}]}""")]
    public void Both_forms_of_a_conversation_give_the_last_turn_with_the_others_as_history(string row)
    {
        var record = Assert.Single(Records("[\n" + row + "]", "c.json"));
        Assert.Equal(("Who?", "", "Pebble.", "Be brief."),
            (record.Record.Instruction, record.Record.Input, record.Record.Output, record.Record.System));
        Assert.Equal([("Hi", "Hello")], record.Record.History.Select(turn => (turn.Question, turn.Answer)));
        Assert.Equal(("c.json", 0L, 2L, null), (record.Source, record.Row, record.Line, record.Dropped));
    }

    [Fact]
    public async Task Every_answer_carries_loss_and_ends_with_EOS()
    {
        var run = await new StageRun().File("c.jsonl", Share).RunAsync(StageRun.With(new ChatSource { Path = "c.jsonl" }));
        using var rows = InstructionDataset.Open(run.Dataset);
        var pebble = HfTokenizer.Load(Path.Combine(GoldenFolder.RepoRoot, "models", "pebble-init"));
        var learned = rows.Labels(0).ToArray().Where(label => label != -100).ToArray();
        Assert.Equal(2, learned.Count(id => id == pebble.EosId));
        Assert.Equal(["Hello", "Pebble."],
            string.Join('|', learned.Select(id => id == pebble.EosId ? -1 : id)).Split("|-1", StringSplitOptions.RemoveEmptyEntries)
            .Select(answer => pebble.Decode([.. answer.Split('|', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)]).Trim()));
    }

    [Fact]
    public void A_question_without_an_answer_at_the_end_is_cut_off()
    {
        var record = Assert.Single(Records(Messages("user a", "assistant b", "user c")));
        Assert.Equal(("a", "b", null), (record.Record.Instruction, record.Record.Output, record.Dropped));
        Assert.Equal("no answer in the conversation", Dropped(Messages("user a")));
        Assert.Equal("no answer in the conversation", Dropped("{\"messages\": []}"));
    }

    [Fact]
    public void What_is_no_conversation_of_texts_in_turn_is_left_out_with_the_reason()
    {
        Assert.Equal("begins with an answer", Dropped(Messages("assistant a", "user b", "assistant c")));
        Assert.Equal("two questions in a row", Dropped(Messages("user a", "user b", "assistant c")));
        Assert.Equal("two answers in a row", Dropped(Messages("user a", "assistant b", "assistant c")));
        Assert.Equal("a system message after the first turn",
            Dropped(Messages("user a", "assistant b", "system c", "user d", "assistant e")));
        Assert.Equal("a turn of 'tool'", Dropped(Messages("user a", "tool b", "assistant c")));
        Assert.Equal("a turn that holds 'image_url'",
            Dropped("""{"messages": [{"role": "user", "content": [{"type": "image_url"}]}, {"role": "assistant", "content": "b"}]}"""));
        Assert.Equal("a call of a tool", Dropped(
            """{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": null, "tool_calls": [{"id": "1"}]}]}"""));
        Assert.Equal("a call of a tool", Dropped(
            """{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "tool_calls": [{"id": "1"}]}]}"""));
    }

    [Theory]
    [InlineData("{\"instruction\": \"a\", \"output\": \"b\"}",
        "c.jsonl:3: row 1 has neither 'conversations' nor 'messages'. It has: instruction, output")]
    [InlineData("{\"messages\": \"a\"}", "c.jsonl:3: row 1: the conversation is string")]
    [InlineData("{\"messages\": [{\"content\": \"a\"}]}", "c.jsonl:3: row 1: a turn has no 'role'")]
    [InlineData("{\"conversations\": [\"a\"]}", "c.jsonl:3: row 1: a turn has no 'from'")]
    public void A_row_of_another_form_is_refused_with_its_line(string row, string words) =>
        Assert.Contains(words, Assert.Throws<StageException>(() => Records(Share + "\n\n" + row)).Message);

    [Fact]
    public void A_form_that_holds_no_lists_is_refused() => Assert.Contains("c.csv: conversations are read from .json, .jsonl and .parquet",
        Assert.Throws<StageException>(() => Records(Share, "c.csv")).Message);

    [Fact]
    public void Parts_of_a_content_that_are_all_texts_are_one_text() =>
        Assert.Equal("ab",
            Records("""{"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, """
                + """{"role": "assistant", "content": "c"}]}""")[0].Record.Instruction);

    private sealed class Message
    {
        public string? role { get; set; }
        public string? content { get; set; }
    }

    private sealed class Talk
    {
        public string? source { get; set; }
        public List<Message> messages { get; set; } = [];
    }

    [Fact]
    public async Task Conversations_in_a_parquet_file_with_a_bit_flipped_are_read_or_refused_in_words()
    {
        using MemoryStream parquet = new();
        Talk[] talks = [.. Enumerable.Range(0, 40)
            .Select(i => new Talk { source = i % 3 == 0 ? null : "x",
                messages = [new() { role = "user", content = $"question {i}" }, new() { role = "assistant", content = $"answer {i}" }] })];
        await Parquet.Serialization.ParquetSerializer.SerializeAsync(talks, parquet, new Parquet.ParquetOptions { RowGroupSize = 20 },
            cancellationToken: TestContext.Current.CancellationToken);
        var good = parquet.ToArray();
        var path = Path.Combine(Directory.CreateTempSubdirectory("lora-").FullName, "c.parquet");
        var (read, refused) = (0, 0);
        for (var at = 0; at < good.Length; at += 5)
        {
            var bad = (byte[])good.Clone();
            bad[at] ^= 0x10;
            await File.WriteAllBytesAsync(path, bad, TestContext.Current.CancellationToken);
            try
            {
                read += new ChatRecords(new DataFile("c.parquet", path)).Read().Any() ? 1 : 0;
            }
            catch (StageException e)
            {
                Assert.StartsWith("c.parquet", e.Message);
                refused++;
            }
        }
        Assert.True(read > 10 && refused > 10, $"{read} read, {refused} refused: neither is rare");
    }

    [Fact]
    public async Task Conversations_in_parquet_are_read_as_those_in_JSON()
    {
        Talk[] talks =
        [
            new() { source = "x",
                messages = [new() { role = "system", content = "Be brief." }, new() { role = "user", content = "你好" },
                    new() { role = "assistant", content = "Hi" }, new() { role = "user", content = "Bye?" }, new() { role = "assistant",
                        content = "Bye." }] },
            new() { messages = [new() { role = "user", content = "a" }, new() { role = "assistant", content = null }] },
            new() { messages = [new() { role = "user", content = "one" }, new() { role = "assistant", content = "1" }] },
        ];
        using MemoryStream parquet = new();
        await Parquet.Serialization.ParquetSerializer.SerializeAsync(talks, parquet, new Parquet.ParquetOptions { RowGroupSize = 2 },
            cancellationToken: TestContext.Current.CancellationToken);
        var path = Path.Combine(Directory.CreateTempSubdirectory("lora-").FullName, "c.parquet");
        await File.WriteAllBytesAsync(path, parquet.ToArray(), TestContext.Current.CancellationToken);
        var byParquet = new ChatRecords(new DataFile("c.parquet", path)).Read().ToList();
        var byJson = Records(string.Join('\n', talks.Select(talk => System.Text.Json.JsonSerializer.Serialize(talk))));
        Assert.Equal(byJson.Select(Shown), byParquet.Select(Shown));
        Assert.Equal("c.parquet (row 2)", byParquet[2].Where);

        static string Shown(
            SourceRecord record) =>
                $"{record.Row} {record.Dropped} {record.Record.System} {string.Join('|', record.Record.History)} "
                    + $"{record.Record.Instruction} {record.Record.Output}";
    }

    [Fact]
    public void Instructions_of_a_developer_are_the_systems_and_an_answer_of_weight_0_leaves_its_conversation_out()
    {
        Assert.Equal("Be brief.",
            Assert.Single(
                Records("""{"conversations": null, "messages": [{"role": "developer", "content": "Be brief."}, {"role": "user","""
                    + """ "content": "a"}, {"role": "assistant", "content": "b", "weight": 1}]}""")).Record.System);
        Assert.Equal("an answer that isn't to be learned (weight 0)",
            Dropped("""{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0}]}"""));
    }

    [Fact]
    public async Task What_is_left_out_is_counted_by_reason()
    {
        var text = string.Join('\n', Share, Messages("assistant a"), Messages("user a"), Messages("user b"));
        var run = await new StageRun().File("c.jsonl", text).RunAsync(StageRun.With(new ChatSource { Path = "c.jsonl" }));
        var dropped = System.Text.Json.JsonElement.Parse(await File.ReadAllBytesAsync(Path.Combine(run.Dataset, "dataset.json"),
            TestContext.Current.CancellationToken)).GetProperty("total").GetProperty("dropped");
        Assert.Equal(2, dropped.GetProperty("no answer in the conversation").GetInt32());
        Assert.Equal(1, dropped.GetProperty("begins with an answer").GetInt32());
    }
}
