using System.Globalization;
using System.Text;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Pipelines;

/// <summary>Whatever a file holds, what comes out is a pipeline or errors with file, line and column.</summary>
public sealed class HostileYamlTests
{
    public static IEnumerable<TheoryDataRow<string>> Shared => GoldenFolder.Faults("yaml");

    [Theory, MemberData(nameof(Shared))]
    public void A_file_that_once_brought_the_parser_down_is_refused_with_its_places(string file)
    {
        var yaml = File.ReadAllText(Path.Combine(GoldenFolder.SharedCases, file));

        var parsed = PipelineParser.Parse(yaml, "p.yaml");

        Assert.Null(parsed.Pipeline);
        Assert.All(parsed.Errors, error => Assert.Matches(@"^p\.yaml:[1-9]\d*:[1-9]\d*: .", error.ToString()));
        Assert.NotEmpty(Assert.Throws<PipelineException>(() => PipelineParser.ParseParams(yaml, "p.yaml", StageKinds.Trainer)).Errors);
    }

    [Theory]
    [InlineData("name: x\nstages: [x\n  y: z\n", "line 2, column 9")]
    [InlineData("name: x\nstages:\n  - id: a\n    uses: trainer\n    with: { lora_target_modules: [q_proj, val_set_size: 4 }\n    "
        + "retries: 1\n", "line 5, column 34")]
    [InlineData("name: x\nstages:\n  - id: a\n    inputs: { base: model:m\n    with:\n      seed: 1\n", "line 4, column 13")]
    [InlineData("name: x\nstages:\n  - id: a\n    with: { questions: [Who?\n  - id: b\n    uses: chat\n", "line 4, column 24")]
    public void A_bracket_that_is_never_closed_is_told_with_its_own_place(string yaml, string place)
    {
        var error = Assert.Single(PipelineParser.Parse(yaml, "p.yaml").Errors);

        Assert.Contains($"in {place} is not closed", error.Message);
    }

    [Theory]
    [InlineData("name: \"a\\0b\"\n", "1:7", "control character U+0000")]
    [InlineData("name: x\n\"evil\\e]0;T\\a\": 1\n", "2:1", "control character U+001B")]
    [InlineData("name: \"a\\x9b31m\"\n", "1:7", "control character U+009B")]
    [InlineData("name: !!str x\n", "1:7", "tags")]
    [InlineData("name: x\n!a name: y\n", "2:1", "tags")]
    [InlineData("a: &a [x]\nb: [*a, *a]\n", "2:5", "aliases")]
    [InlineData("? [a, b]\n: c\n", "1:3", "unknown key ''")]
    [InlineData("name: x\nstages: [ { uses: trainer, with: { ? [a] : b } } ]\n", "2:38", "unknown key ''")]
    [InlineData("name: x\nstages: [ { id: a, uses: trainer, inputs: { ? {} : b } } ]\n", "2:17", "input 'dataset' is missing")]
    public void What_no_pipeline_needs_is_refused_where_it_stands(string yaml, string place, string words)
    {
        var errors = PipelineParser.Parse(yaml, "p.yaml").Errors;

        Assert.Contains(errors,
            error => $"{error.Line}:{error.Column}" == place && error.Message.Contains(words, StringComparison.Ordinal));
    }

    [Fact]
    public void A_text_of_a_million_letters_is_refused_and_never_quoted_whole()
    {
        Assert.Contains("thousand letters",
            Assert.Single(PipelineParser.Parse($"name: {new string('x', 100_000)}\n", "p.yaml").Errors).Message);
        var quoted = Assert.Single(PipelineParser.Parse(
            $"name: x\nstages: [ {{ id: a, uses: chat, inputs: {{ model: '{new string('y', 60_000)}' }} }} ]\n", "p.yaml").Errors);
        Assert.True(quoted.Message.Length < 1100, $"{quoted.Message.Length} letters");
        Assert.EndsWith("for a folder directly under the models root", quoted.Message);
    }

    [Fact]
    public void A_file_that_is_wrong_all_over_ends_in_a_hundred_errors()
    {
        var lines = new StringBuilder("name: x\nstages:\n  - id: a\n    uses: trainer\n    with:\n");
        for (var i = 0; i < 20_000; i++)
        {
            lines.Append(CultureInfo.InvariantCulture, $"      lerning_rate_{i}: {i}\n");
        }

        var errors = PipelineParser.Parse(lines.ToString(), "p.yaml").Errors;

        Assert.Equal(101, errors.Count);
        Assert.Contains("100 errors are enough", errors[^1].Message);
    }

    [Fact]
    public void A_chain_of_more_stages_than_anybody_has_is_refused_before_it_is_followed()
    {
        var lines = new StringBuilder("name: x\nstages:\n");
        for (var i = 0; i < 15_000; i++)
        {
            lines.Append(CultureInfo.InvariantCulture, $"  - {{ id: s{i}, uses: chat, inputs: {{ model: s{i + 1}.model }} }}\n");
        }

        Assert.Contains("at most 500 stages", Assert.Single(PipelineParser.Parse(lines.ToString(), "p.yaml").Errors).Message);
    }

    [Theory]
    [InlineData("60d", 60 * 86_400)]
    [InlineData("3650d", 3650 * 86_400d)]
    [InlineData("1.5h", 5400)]
    [InlineData("0.1s", 0.1)]
    public void A_timeout_of_any_sane_length_is_taken(string timeout, double seconds) =>
        Assert.Equal(seconds, Parse(timeout).Pipeline!.Stages[0].Timeout!.Value.TotalSeconds, 3);

    [Theory]
    [InlineData("3651d", "at most 3650d: leave it out for no limit")]
    [InlineData("99999999999999999999d", "at most 3650d")]
    [InlineData("0s", "above 0")]
    [InlineData("0.00000001s", "above 0")]
    [InlineData("٣d", "a number with its unit")]
    [InlineData("-1h", "a number with its unit")]
    [InlineData("1e5h", "a number with its unit")]
    [InlineData("999999999999999999999h", "a number with its unit")]
    public void A_timeout_that_is_none_is_refused_in_words(string timeout, string words) =>
        Assert.Contains(words, Assert.Single(Parse(timeout).Errors).Message);

    [Fact]
    public void Steps_that_multiply_beyond_every_batch_are_refused_and_not_wrapped_round()
    {
        var errors = Assert.Throws<PipelineException>(() => PipelineParser.ParseParams(
            "{ gradient_accumulation_steps: 1073741824, micro_batch_size: 4 }", "w.yaml", StageKinds.Trainer)).Errors;

        Assert.Contains("more than any batch has", errors[0].Message);
    }

    private static ParsedPipeline Parse(string timeout) =>
        PipelineParser.Parse($"name: x\nstages: [ {{ id: a, uses: chat, inputs: {{ model: model:m }}, timeout: {timeout} }} ]\n", "p.yaml");
}
