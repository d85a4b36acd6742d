using System.Text;
using System.Text.Json.Nodes;
using LoraAspire.Lab.ChatPages;

namespace LoraAspire.Tests.Lab.ChatPages;

/// <summary>What a browser kept is read back as it was, and what is no conversation isn't taken for one.</summary>
public sealed class KeptTextTests
{
    private static readonly Conversation s_whole = new Conversation("0123abcd")
    {
        System = "Be terse.",
        Model = "tuned",
        Other = "pebble",
        IsBeside = true,
        Changed = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Sampling = new() { Temperature = 0, TopP = 0.9, TopK = 40, RepetitionPenalty = 1.1, MaxTokens = 64, Seed = 7 },
    }
        .Asking("你是谁？", null)
        .Answering(0, 0, new("tuned")
        {
            Text = "\"我\" 是 <b>",
            Finish = "length",
            PromptTokens = 9,
            Tokens = 4,
            FirstAfter = 0.25,
            Took = 1,
        })
        .Answering(0, 0, new("tuned") { Trouble = new(TroubleKind.Busy, "full", 3) })
        .Answering(0, 1, new("pebble") { Finish = Answer.Stopped })
        .Asking("And?", 0).Asking("Who?", null).Showing(0);

    [Fact]
    public void A_conversation_is_read_back_as_it_was_written()
    {
        var text = KeptText.Write(s_whole);
        var read = KeptText.Read(Encoding.UTF8.GetBytes(text));

        Assert.NotNull(read);
        Assert.Equal(text, KeptText.Write(read));
        Assert.Contains("你是谁？", text);
        Assert.Equal((1, "length", TroubleKind.Busy), (read.Leaf, read.Turns[0].Answers[0].Variants[0].Finish,
            read.Turns[0].Shown(0)!.Trouble!.Kind));
        Assert.Equal(s_whole.Sampling, read.Sampling);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"id": null}""")]
    [InlineData("""{"id": "../x"}""")]
    [InlineData("""{"id": "x", "turns": null}""")]
    [InlineData("""{"id": "x", "turns": [null], "leaf": 0}""")]
    [InlineData("""{"id": "x", "leaf": 0}""")]
    [InlineData("""{"id": "x", "sampling": null}""")]
    [InlineData("""{"id": "x", "sampling": {"temperature": 3}}""")]
    [InlineData("""{"id": "x", "sampling": {"temperature": "1"}}""")]
    [InlineData("""{"id": "x", "sampling": {"seed": 1.5}}""")]
    [InlineData("""{"id": "x", "turns": [{"parent": null}], "leaf": 0}""")]
    [InlineData("""{"id": "x", "turns": [{"parent": null, "question": "?"}]}""")]
    public void What_is_none_is_not_taken_for_one(string text) => Assert.Null(KeptText.Read(Encoding.UTF8.GetBytes(text)));

    public static TheoryData<string, string> Broken => new()
    {
        { "$.turns[0].parent", "0" }, // itself, which would lead round for ever
        { "$.turns[1].parent", "1" },
        { "$.turns[1].parent", "2" },
        { "$.turns[1].parent", "-1" },
        { "$.leaf", "3" },
        { "$.leaf", "-1" },
        { "$.leaf", "null" },
        { "$.turns[0].answers[0].chosen", "2" },
        { "$.turns[0].answers[0].chosen", "-1" },
        { "$.turns[0].answers[0].variants", "null" },
        { "$.turns[0].answers[0].variants[0]", "null" },
        { "$.turns[0].answers[0].variants[0].tokens", "-4" },
        { "$.turns[0].answers[0].variants[0].took", "\"long\"" },
        { "$.turns[0].answers[0].variants[1].trouble.kind", "\"Nothing\"" },
        { "$.turns[0].answers[0].variants[1].trouble.kind", "1" },
        { "$.turns[0].answers[1]", "null" },
        { "$.title", "null" },
        { "$.turns[1].id", "\"../x\"" },
        { "$.turns[1].id", "\"the-same\"" },
        { "$.turns[0].answers[0].variants[1].id", "\"the-same\"" },
    };

    [Theory]
    [MemberData(nameof(Broken))]
    public void One_that_was_broken_is_not_shown(string place, string value)
    {
        var root = JsonNode.Parse(KeptText.Write(s_whole))!;
        (root["turns"]![0]!["id"], root["turns"]![0]!["answers"]![0]!["variants"]![0]!["id"]) = ("the-same", "the-same");
        var names = place[2..].Replace("[", ".[", StringComparison.Ordinal).Split('.');
        var at = names[..^1].Aggregate(root, (node, name) => name[0] == '[' ? node[int.Parse(name[1..^1])]! : node[name]!);
        if (names[^1][0] == '[')
        {
            at[int.Parse(names[^1][1..^1])] = JsonNode.Parse(value);
        }
        else
        {
            at[names[^1]] = JsonNode.Parse(value);
        }

        Assert.Null(KeptText.Read(Encoding.UTF8.GetBytes(root.ToJsonString())));
    }

    [Fact]
    public void What_was_kept_before_turns_had_ids_gets_the_same_ones_wherever_it_is_read()
    {
        var read = KeptText.Read("""
            {"id": "x", "leaf": 0, "turns": [{"parent": null, "question": "?", "answers": [{"variants": [{"model": "m"}], "chosen": 0}]}]}
            """u8)!;

        Assert.Equal(("0", "0"), (read.Turns[0].Id, read.Turns[0].Shown(0)!.Id));
        Assert.Equal(16, read.Asking("And?", 0).Turns[1].Id!.Length);
        Assert.Equal("0", read.Replacing(0, 0, 0, new("m") { Text = "!" }).Turns[0].Shown(0)!.Id);
    }

    [Fact]
    public void One_that_is_larger_than_a_conversation_may_be_is_not_read() =>
        Assert.Null(KeptText.Read(Encoding.UTF8.GetBytes(KeptText.Write(s_whole) + new string(' ', KeptText.Largest))));

    [Theory]
    [InlineData("0,5", 0.5)]
    [InlineData(" 2 ", 2.0)]
    [InlineData("", null)]
    public void A_number_is_read_as_people_write_it(string text, double? value)
    {
        Assert.True(SamplingRange.Temperature.TryRead(text, out var read));
        Assert.Equal(value, read);
    }

    [Theory]
    [InlineData("2.1")]
    [InlineData("-1")]
    [InlineData("warm")]
    [InlineData("NaN")]
    [InlineData("1.2.3")]
    public void What_is_out_of_range_or_no_number_is_refused(string text)
    {
        Assert.False(SamplingRange.Temperature.TryRead(text, out _));
        Assert.False(SamplingRange.TopK.TryRead("1.5", out _));
    }
}
