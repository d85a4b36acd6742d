using LoraAspire.DataBuild.Written.Parsing;

namespace LoraAspire.Tests.DataBuild.Written;

public sealed class NumberedListTests
{
    [Theory]
    [InlineData("1. Put [input] into [tgt_lang].")]
    [InlineData("1) Put [input] into [tgt_lang].")]
    [InlineData("1、Put [input] into [tgt_lang].")]
    [InlineData("（1）Put [input] into [tgt_lang].")]
    [InlineData("(1) Put [input] into [tgt_lang].")]
    [InlineData("①Put [input] into [tgt_lang].")]
    [InlineData("- Put [input] into [tgt_lang].")]
    [InlineData("* Put [input] into [tgt_lang].")]
    [InlineData("•  Put [input] into [tgt_lang].")]
    [InlineData("- 1. Put [input] into [tgt_lang].")]
    [InlineData("  12. Put [input] into [tgt_lang].  ")]
    [InlineData("**1.** Put [input] into [tgt_lang].")]
    [InlineData("**1. Put [input] into [tgt_lang].**")]
    [InlineData("1. **Put [input] into [tgt_lang].**")]
    [InlineData("1. \"Put [input] into [tgt_lang].\"")]
    [InlineData("1. “Put [input] into [tgt_lang].”")]
    [InlineData("1. ”Put [input] into [tgt_lang].”")]
    [InlineData("1. 「Put [input] into [tgt_lang].」")]
    [InlineData("1. `Put [input] into [tgt_lang].`")]
    [InlineData("1. **\"Put [input] into [tgt_lang].\"**")]
    [InlineData("1. Put **[input]** into [tgt_lang].")]
    [InlineData(@"1. Put \[input\] into \[tgt\_lang\].")]
    [InlineData("1.\nPut [input] into [tgt_lang].")]
    [InlineData("> 1. Put [input] into [tgt_lang].")]
    [InlineData("```\n1. Put [input] into [tgt_lang].\n```")]
    [InlineData("```json\n[\n  \"Put [input] into [tgt_lang].\",\n]\n```")]
    [InlineData("[\"Put [input] into [tgt_lang].\"]")]
    public void An_item_is_read_however_it_is_marked(string answer)
    {
        var read = NumberedList.Read(answer);
        Assert.Equal(["Put [input] into [tgt_lang]."], read.Items);
        Assert.Empty(read.Dropped);
    }

    [Theory]
    [InlineData("1. \"[input]\" means what in [tgt_lang]? Say \"[tgt_lang]\"", "\"[input]\" means what in [tgt_lang]? Say \"[tgt_lang]\"")]
    [InlineData("1. “[input]” in [tgt_lang] is “what”", "“[input]” in [tgt_lang] is “what”")]
    [InlineData("1. \"Translate \"[input]\" into [tgt_lang].\"", "Translate \"[input]\" into [tgt_lang].")]
    [InlineData("1. 把“[input]”译成[tgt_lang]。", "把“[input]”译成[tgt_lang]。")]
    [InlineData("[input] - say it in [tgt_lang]", null)]
    [InlineData("1.5 million people", null)]
    public void Quotes_and_numbers_that_belong_to_the_text_stay(string answer, string? item) =>
        Assert.Equal(item is null ? [] : [item], NumberedList.Read(answer).Items);

    [Fact]
    public void Prose_before_between_and_after_is_dropped_with_its_reason()
    {
        var read = NumberedList.Read("Sure! Here are two templates:\n\n1. One [input]\nsome words\n2. Two [input]\n\nLet me know if you need more.");
        Assert.Equal(["One [input]", "Two [input]"], read.Items);
        Assert.Equal(["prose around the items", "prose around the items", "prose around the items"], read.Dropped);
    }

    [Theory]
    [InlineData("<think>1. A draft [input]\n</think>\n1. One [input]", "1. One [input]")]
    [InlineData("1. A draft [input]\n</think>\n\n1. One [input]", "1. One [input]")]
    [InlineData("<think>\n1. A draft [input]", "")]
    [InlineData("1. One [input]", "1. One [input]")]
    public void What_a_model_says_to_itself_is_no_answer(string answer, string rest) => Assert.Equal(rest, Thinking.Remove(answer));

    [Fact]
    public void The_last_item_of_an_answer_that_was_cut_off_is_dropped()
    {
        var read = NumberedList.Read("1. One [input]\n2. Two [in", cutOff: true);
        Assert.Equal(["One [input]"], read.Items);
        Assert.Equal(["cut off in the middle"], read.Dropped);
    }
}
