using LoraAspire.DataBuild.Written;

namespace LoraAspire.Tests.DataBuild.Written;

public sealed class TemplatePlaceholdersTests
{
    private static readonly TemplatePlaceholders Translation =
        TemplatePlaceholders.Of(["From [src_lang] to [tgt_lang]: [input]", "[src_lang] into [tgt_lang]: [input]"], ["src_lang"]);

    [Theory]
    [InlineData("Say [input] in [tgt_lang].", null)]
    [InlineData("[src_lang] to [tgt_lang]: [input]", null)]
    [InlineData("Say it in [tgt_lang].", "[input] is missing")]
    [InlineData("Say [input].", "[tgt_lang] is missing")]
    [InlineData("Say [input] and [input] in [tgt_lang].", "[input] more than once")]
    [InlineData("Say [sentence] in [tgt_lang].", "unknown placeholder [sentence]")]
    [InlineData("Say [Input] in [tgt_lang].", "unknown placeholder [Input]")]
    [InlineData("Say [input] in [tgt_lang] [now.", "a bracket that is no placeholder")]
    [InlineData("Say [input] in [tgt_lang] [].", "a bracket that is no placeholder")]
    [InlineData("Say [input] in [tgt_lang] [1].", "a bracket that is no placeholder")]
    public void A_written_template_holds_what_every_given_one_does_and_nothing_unknown(string template, string? problem) =>
        Assert.Equal(problem, Translation.Problem(template));

    [Fact]
    public void The_rule_is_said_in_words() =>
        Assert.Equal("every template holds [tgt_lang], [input] exactly once, written just so, and may hold [src_lang] once",
            Translation.Rule);
}
