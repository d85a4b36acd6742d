using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Pipelines;

public sealed class IdentifierTests
{
    public static TheoryData<string> Leaving =>
    [
        "", ".", "..", "../x", "a/b", "/tmp/elsewhere", "/", "\\", "a\0b", "a\nb", "x\u001b[31m", ".hidden", "a b", "a:b", new string('a',
            300), "*", "\ud800", "a\u202eb",
    ];

    [Theory]
    [MemberData(nameof(Leaving))]
    public void What_could_leave_its_folder_or_a_line_is_no_name_of_any_kind(string text)
    {
        Assert.False(Identifiers.IsRun(text));
        Assert.False(Identifiers.IsPipeline(text));
        Assert.False(Identifiers.IsStage(text));
        Assert.False(Identifiers.IsModel(text));
        Assert.False(Identifiers.IsDigest(text));
    }

    [Fact]
    public void Null_is_no_name() =>
        Assert.False(Identifiers.IsRun(null) || Identifiers.IsPipeline(null) || Identifiers.IsStage(null) || Identifiers.IsModel(null)
            || Identifiers.IsDigest(null));

    [Fact]
    public void Names_in_use_are_names()
    {
        Assert.True(Identifiers.IsRun("20260102-030405-ab12"));
        Assert.True(Identifiers.IsPipeline("雁栖-7B_v1.0"));
        Assert.True(Identifiers.IsStage("data_1-a"));
        Assert.True(Identifiers.IsModel("Llama-2.7b"));
        Assert.True(Identifiers.IsDigest(new string('a', 64)));
    }

    [Theory]
    [InlineData("Ab12")]
    [InlineData("abc\n")]
    public void A_digest_is_64_lower_case_hex_digits(string tail) =>
        Assert.False(Identifiers.IsDigest(new string('a', 64 - tail.Length) + tail));

    [Theory]
    [InlineData(0, false)]
    [InlineData(-1, false)]
    [InlineData(int.MaxValue, false)]
    [InlineData(1, true)]
    [InlineData(100, true)]
    public void An_attempt_is_counted_from_one(int number, bool right) => Assert.Equal(right, Identifiers.IsAttempt(number));

    [Fact]
    public void A_refused_name_is_shown_on_one_line_without_its_controls()
    {
        Assert.Equal("a?b?[31m?c", Identifiers.Shown("a\nb\u001b[31m\u202ec"));
        Assert.Equal(80, Identifiers.Shown(new string('x', 1000)).Length);
        Assert.Equal("", Identifiers.Shown(null));
    }

    [Theory]
    [InlineData("..")]
    [InlineData(".")]
    [InlineData(".lora")]
    public void A_pipeline_cannot_be_called_as_a_folder_above_it_or_a_hidden_one(string name)
    {
        var parsed = PipelineParser.Parse($"name: '{name}'\nstages:\n  - {{ id: data, uses: data-build, inputs: {{ base: model:tiny }}, "
            + $"with: {{ sources: [ {{ self_cognition: {{ name: Y, developer: D }} }} ] }} }}\n", "p.yaml");

        Assert.Null(parsed.Pipeline);
        Assert.Equal("p.yaml:1:7: 'name' is 1 to 64 letters, digits, dashes, underscores or dots, the first no dot",
            Assert.Single(parsed.Errors).ToString());
    }
}
