using System.Diagnostics;
using System.Text.Json;
using LoraAspire.ChatClients.Parsing;
using LoraAspire.DataBuild.Written.Parsing;

namespace LoraAspire.Tests.DataBuild.Written;

public sealed class RecordReaderTests
{
    private const string A = "{\"instruction\": \"Who?\", \"output\": \"Yanqi.\"}";
    private const string B = "{\"instruction\": \"你是谁？\", \"output\": \"我是“雁栖”，{不是}别的。\"}";

    [Theory]
    [InlineData($"[{A}, {B}]")]
    [InlineData($"[{A}, {B},]")]
    [InlineData($"[{A}\n{B}]")]
    [InlineData($"{A}\n{B}")]
    [InlineData($"{A}{B}")]
    [InlineData($"Sure, here they are:\n```json\n[{A},\n{B}]\n```\nAnything else?")]
    [InlineData($"First:\n```json\n{A}\n```\nand then {{so to say}}:\n```\n{B}\n```")]
    [InlineData($"1. {A}\n2. {B}")]
    [InlineData($"{{\"records\": [{A}, {B}]}}")]
    [InlineData("[{\"instruction\": \"Who?\", \"output\": \"Yanqi.\",}, // the second\n{\"output\": \"我是“雁栖”，{不是}别的。\", \"instruction\": "
        + "\"你是谁？\", \"note\": 3}]")]
    [InlineData("{“instruction”: “Who?”, “output”: “Yanqi.”}，{“instruction”：“你是谁？”，“output”：“我是“雁栖”，{不是}别的。”}")]
    [InlineData("{”instruction”: ”Who?”, ”output”: ”Yanqi.”} {\"instruction\": “你是谁？”, \"output\": “我是“雁栖”，{不是}别的。”}")]
    [InlineData("{\"instruction\": \"Who?\"\n\"output\": \"Yanqi.\"} {\"question\": \"你是谁？\", \"answer\": \"我是“雁栖”，{不是}别的。\"}")]
    public void Both_records_are_read_however_they_are_wrapped(string answer)
    {
        var read = RecordReader.Read(answer);
        Assert.Equal([("Who?", "Yanqi."), ("你是谁？", "我是“雁栖”，{不是}别的。")], read.Items.Select(item => (item.Instruction, item.Output)));
        Assert.Empty(read.Dropped);
    }

    private const string C = "{\"instruction\": \"Who?\", \"output\": \"I'm \\\"Yanqi\\\".\"}";

    /// <summary>Each ends in a record that is written well, which must not be lost.</summary>
    [Theory]
    [InlineData("{'instruction': 'Who?', 'input': None, 'ok': True, 'output': 'I\\'m \"Yanqi\".'}")]
    [InlineData("{'instruction': 'Who?', 'output': 'I'm \"Yanqi\".'}")]
    [InlineData("{instruction: \"Who?\", output: \"I'm \\\"Yanqi\\\".\"}")]
    [InlineData("{\"instruction\": \"Who?\", \"output\": \"I'm \"Yanqi\".\"}")]
    [InlineData("{\"instruction\": \"Who?\", \"output\": \"I\\'m \\\"Yanqi\\\"\\.\"}")]
    [InlineData("{\"指令\": \"Who?\"、\"回答\": \"I'm \\\"Yanqi\\\".\"}")]
    [InlineData("{\"问题\": \"Who?\"; \"答案\": \"I'm \\\"Yanqi\\\".\"}")]
    [InlineData("{\"提问\": \"Who?\", \"输出\": \"I'm \\\"Yanqi\\\".\"}")]
    [InlineData("{\"prompt\": \"Who?\", \"completion\": \"I'm \\\"Yanqi\\\".\"}")]
    [InlineData("{\"User\": \"Who?\", \"Assistant\": \"I'm \\\"Yanqi\\\".\"}")]
    [InlineData("{\"**query**\": \"Who?\", \"response（回答）\": \"I'm \\\"Yanqi\\\".\"}")]
    [InlineData("{\"input\": \"Who?\", \"output\": \"I'm \\\"Yanqi\\\".\"}")]
    [InlineData("{\"messages\": [{\"role\": \"system\", \"content\": \"s\"}, {\"role\": \"user\", \"content\": \"Who?\"}, {\"role\": "
        + "\"assistant\", \"content\": \"I'm \\\"Yanqi\\\".\"}]}")]
    [InlineData("{\u3000\"instruction\"：\u00A0\"Who?\"，\u3000\"output\"：\"I'm \\\"Yanqi\\\".\u0002\"}")]
    [InlineData("{\"instruction”: “Who?\", \"output”: \"I'm \\\"Yanqi\\\".”}")]
    [InlineData("{\"instruction\": \"Who?\", // it's \"this\n \"output\": \"I'm \\\"Yanqi\\\".\"\n")]
    [InlineData("{\"instruction\": \"...\", \"output\": \"...\"} {\"instruction\": \"Who?\", \"output\": \"I'm \\\"Yanqi\\\".\"}")]
    public void A_record_is_read_however_it_is_written(string record)
    {
        foreach (var answer in new[] { record, $"{record}\n{A}" })
        {
            var read = RecordReader.Read(answer);
            Assert.Equal(("Who?", "", "I'm \"Yanqi\"."), (read.Items[0].Instruction, read.Items[0].Input, read.Items[0].Output));
            Assert.Equal(answer == record ? 1 : 2, read.Items.Count);
        }
    }

    [Fact]
    public void A_name_in_quotes_that_lack_their_backslash_stays_in_the_answer() =>
        Assert.Equal(["我叫\"燕七\"，由实验室开发。", "是\"燕七\""],
            RecordReader.Read("{\"instruction\": \"你叫什么？\", \"output\": \"我叫\"燕七\"，由实验室开发。\"}\n{\"instruction\": \"谁？\", \"output\": "
                + "\"是\"燕七\"\"}").Items.Select(item => item.Output));

    [Theory]
    [InlineData("Q: Who?\nA: Yanqi.\n\nQ: 谁？\nA: 雁栖。")]
    [InlineData("1. Q: Who? A: Yanqi.\n2. Q: 谁？ A: 雁栖。")]
    [InlineData("### Question\nWho?\n### Answer\nYanqi.\n\n### Question\n谁？\n### Answer\n雁栖。")]
    [InlineData("问：Who?\n答：Yanqi.\n问：谁？\n答：雁栖。")]
    [InlineData("1. **Question**: Who?\n   **Answer**: Yanqi.\n2. **Question**: 谁？\n   **Answer**: 雁栖。")]
    [InlineData("- instruction: Who?\n  output: \"Yanqi.\"\n- instruction: 谁？\n  output: 雁栖。")]
    [InlineData("| instruction | output |\n|---|---|\n| Who? | Yanqi. |\n| 谁？ | 雁栖。 |")]
    [InlineData("| # | 问题 | 回答 |\n|---|---|---|\n| 1 | Who? | Yanqi. |\n| 2 | 谁？ | 雁栖。 |")]
    public void Records_are_read_without_any_JSON(string answer) =>
        Assert.Equal([("Who?", "Yanqi."), ("谁？", "雁栖。")], RecordReader.Read(answer).Items.Select(item => (item.Instruction, item.Output)));

    [Fact]
    public void JSON_within_a_JSON_text_is_read()
    {
        Assert.Equal(2, RecordReader.Read(JsonSerializer.Serialize($"{C}\n{A}")).Items.Count);
        Assert.Equal("Yanqi.", Assert.Single(RecordReader.Read(A.Replace("\"", "\\\"")).Items).Output);
    }

    [Fact]
    public void A_letter_in_two_escapes_is_one_and_half_of_it_costs_its_own_record_alone()
    {
        const string face = "{\"instruction\": \"Who?\", \"output\": \"\\ud83d\\ude00 \\\\ud83d\"}", half = "{\"instruction\": \"Who?\", "
            + "\"output\": \"\\\\ud83d\\ude00\"}";
        Assert.Equal("\U0001F600 \\ud83d", Assert.Single(RecordReader.Read(face).Items).Output);
        Assert.Equal(["Yanqi.", "Yanqi."], RecordReader.Read($"{{\"records\": [{A}, {half}, {A}]}}").Items.Select(item => item.Output));
        Assert.Equal("\uFFFD", Assert.Single(ListReader.Read("[\"\\ud83d\"]").Items));
        Assert.Equal([ReadAnswer.Prose], RecordReader.Read("\"\\ud83d\"").Dropped);
    }

    [Fact]
    public void A_line_break_inside_a_text_is_kept() =>
        Assert.Equal("I am\nYanqi.",
            Assert.Single(RecordReader.Read("{\"instruction\": \"Who?\", \"output\": \"I am\nYanqi.\"}").Items).Output);

    [Theory]
    [InlineData($"[{A}, {{\"instruction\": \"What", "cut off in the middle")]
    [InlineData($"{A} {{\"instruction\": \"What\", \"output\": }}", "malformed JSON")]
    [InlineData($"{A} {{\"instruction\": \"What\", \"output\": 5}}", "instruction or output is not a text")]
    [InlineData($"{A} {{\"instruction\": \"What\"}}", "no instruction and output")]
    [InlineData($"{{\"instruction\": \"What\n\n{A}", "cut off in the middle")]
    [InlineData($"{A} {{\"instruction\": \"\\ud800\", \"output\": \"x\"}}", "malformed JSON")]
    public void What_cannot_be_read_is_dropped_with_its_reason_and_the_rest_is_kept(string answer, string reason)
    {
        var read = RecordReader.Read(answer);
        Assert.Equal("Who?", Assert.Single(read.Items).Instruction);
        Assert.Equal([reason], read.Dropped);
    }

    [Fact]
    public void Prose_alone_gives_nothing_but_a_reason() =>
        Assert.Equal(["prose around the items"], RecordReader.Read("I would rather tell a story { about } braces.").Dropped);

    [Fact]
    public void Braces_that_never_close_take_no_long_search()
    {
        var clock = Stopwatch.StartNew();
        foreach (var unit in new[] { "{\"", "{\"a\":{", "{\"a\":\"", "{“a”：“", "{\"a\":1,,}", "{'", "{a:'", "{\"a\":[", "{\"a\":\"#",
            "{\"a\" ", "{'a':'b',\n" })
        {
            RecordReader.Read(string.Concat(Enumerable.Repeat(unit, 200_000 / unit.Length)));
            RecordReader.Read(
                "Q: " + string.Concat(Enumerable.Repeat(unit.Trim('{'), 200_000 / unit.Length)) + new string(' ', 100_000) + "x");
        }
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"{clock.Elapsed}");
    }
}
