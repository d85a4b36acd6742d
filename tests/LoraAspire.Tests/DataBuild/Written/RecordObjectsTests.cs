using System.Diagnostics;
using LoraAspire.DataBuild.Written.Parsing;

namespace LoraAspire.Tests.DataBuild.Written;

public sealed class RecordObjectsTests
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
    [InlineData("[{\"instruction\": \"Who?\", \"output\": \"Yanqi.\",}, // the second\n{\"output\": \"我是“雁栖”，{不是}别的。\", \"instruction\": \"你是谁？\", \"note\": 3}]")]
    [InlineData("{“instruction”: “Who?”, “output”: “Yanqi.”}，{“instruction”：“你是谁？”，“output”：“我是“雁栖”，{不是}别的。”}")]
    [InlineData("{”instruction”: ”Who?”, ”output”: ”Yanqi.”} {\"instruction\": “你是谁？”, \"output\": “我是“雁栖”，{不是}别的。”}")]
    [InlineData("{\"instruction\": \"Who?\"\n\"output\": \"Yanqi.\"} {\"question\": \"你是谁？\", \"answer\": \"我是“雁栖”，{不是}别的。\"}")]
    public void Both_records_are_read_however_they_are_wrapped(string answer)
    {
        var read = RecordObjects.Read(answer);
        Assert.Equal([("Who?", "Yanqi."), ("你是谁？", "我是“雁栖”，{不是}别的。")], read.Items.Select(item => (item.Instruction, item.Output)));
        Assert.Empty(read.Dropped);
    }

    [Fact]
    public void A_line_break_inside_a_text_is_kept() =>
        Assert.Equal("I am\nYanqi.", Assert.Single(RecordObjects.Read("{\"instruction\": \"Who?\", \"output\": \"I am\nYanqi.\"}").Items).Output);

    [Theory]
    [InlineData($"[{A}, {{\"instruction\": \"What", "cut off in the middle")]
    [InlineData($"{A} {{\"instruction\": \"What\", \"output\": }}", "malformed JSON")]
    [InlineData($"{A} {{\"instruction\": \"What\", \"output\": 5}}", "instruction or output is not a text")]
    [InlineData($"{A} {{\"instruction\": \"What\"}}", "no instruction and output")]
    [InlineData($"{{\"instruction\": \"What\n\n{A}", "cut off in the middle")]
    [InlineData($"{A} {{\"instruction\": \"\\ud800\", \"output\": \"x\"}}", "malformed JSON")]
    public void What_cannot_be_read_is_dropped_with_its_reason_and_the_rest_is_kept(string answer, string reason)
    {
        var read = RecordObjects.Read(answer);
        Assert.Equal("Who?", Assert.Single(read.Items).Instruction);
        Assert.Equal([reason], read.Dropped);
    }

    [Fact]
    public void Prose_alone_gives_nothing_but_a_reason() =>
        Assert.Equal(["prose around the items"], RecordObjects.Read("I would rather tell a story { about } braces.").Dropped);

    [Fact]
    public void Braces_that_never_close_take_no_long_search()
    {
        var clock = Stopwatch.StartNew();
        Assert.Empty(RecordObjects.Read(string.Concat(Enumerable.Repeat("{\"", 20_000))).Items);
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(5), $"{clock.Elapsed}");
    }
}
