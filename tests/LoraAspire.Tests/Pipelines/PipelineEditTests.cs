using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Pipelines;

/// <summary>Single values of a pipeline's text, read and written without touching the rest.</summary>
public sealed class PipelineEditTests
{
    private const string Yaml = """
        # mine
        name: one
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:pebble }
            with:
              cutoff_len: 128 # tokens
              sources:
                - self_cognition: { name: Lora }
                - alpaca: { path: data/rows.json, fill: { name: Lora } }
          - id: tune
            uses: trainer
            inputs: { dataset: data.dataset, base: "model:pebble" }
            with: { lora_r: 7, learning_rate: 3e-4 }
          - id: merge
            uses: merger
            inputs:
              base: model:pebble
              adapter: tune.adapter
        """;

    [Theory]
    [InlineData("data", "with.cutoff_len", "128", "256")]
    [InlineData("data", "with.sources.*.*.path", "data/rows.json", "data/other.json")]
    [InlineData("tune", "with.lora_r", "7", "64")]
    [InlineData("tune", "with.learning_rate", "3e-4", "1e-5")]
    [InlineData("tune", "inputs.dataset", "data.dataset", "other.dataset")]
    public void One_value_is_another_and_every_other_letter_is_as_it_was(string stage, string path, string before, string after)
    {
        Assert.Equal(before, PipelineEdit.Get(Yaml, stage, path));

        Assert.Equal(Yaml.Replace(before, after, StringComparison.Ordinal), PipelineEdit.Set(Yaml, stage, path, after));
    }

    [Theory]
    [InlineData("data", "      cutoff_len", "      prompt_template_name: plain\n      cutoff_len")]
    [InlineData("tune", "{ lora_r: 7", "{ prompt_template_name: plain, lora_r: 7")]
    [InlineData("merge", "uses: merger\n", "uses: merger\n    with:\n      prompt_template_name: plain\n")]
    public void A_key_that_is_missing_is_added_as_the_others_are_written(string stage, string before, string after) =>
        Assert.Equal(Yaml.Replace(before, after, StringComparison.Ordinal),
            PipelineEdit.Set(Yaml, stage, "with.prompt_template_name", "plain"));

    [Theory]
    [InlineData("data", "cutoff_len", "      cutoff_len: 128 # tokens\n", "")]
    [InlineData("tune", "lora_r", "lora_r: 7, ", "")]
    [InlineData("tune", "learning_rate", ", learning_rate: 3e-4", "")]
    public void A_key_is_taken_out_and_every_other_letter_is_as_it_was(string stage, string key, string before, string after) =>
        Assert.Equal(Yaml.Replace(before, after, StringComparison.Ordinal), PipelineEdit.Remove(Yaml, stage, key));

    [Theory]
    [InlineData("    with: { lora_r: 7 }\n")]
    [InlineData("    with:\n      lora_r: 7\n")]
    [InlineData("    with:\r\n      lora_r: 7 # small\r\n")]
    public void The_last_key_goes_with_what_held_it(string with)
    {
        const string Before = "stages:\n  - id: tune\n", After = "    uses: trainer\n";

        Assert.Equal(Before + After, PipelineEdit.Remove(Before + with + After, "tune", "lora_r"));
        Assert.Equal(Before + After, PipelineEdit.Remove(Before + After + with, "tune", "lora_r"));
    }

    [Theory]
    [InlineData("stages:\n  - with: { lora_r: 7 }\n    id: tune\n")]
    [InlineData("stages:\n  - id: tune\n    with:\n      # mine\n      lora_r: 7\n")]
    [InlineData("stages:\n  - id: tune\n    with:\n      lora_r: >\n        7\n      x: 1\n")]
    [InlineData("shared: &all { lora_r: 7, x: 1 }\nstages:\n  - { id: tune, with: *all }\n  - { id: other, with: *all }\n")]
    [InlineData("stages:\n  - id: tune\n    uses: trainer\n")]
    [InlineData("stages: [")]
    public void What_can_not_be_taken_out_by_itself_stays(string yaml) => Assert.Null(PipelineEdit.Remove(yaml, "tune", "lora_r"));

    [Fact]
    public void Lines_that_end_as_on_Windows_stay_so()
    {
        var windows = Yaml.ReplaceLineEndings("\r\n");

        var changed = PipelineEdit.Set(PipelineEdit.Set(windows, "data", "with.cutoff_len", "256")!, "merge", "with.dtype", "float32")!;

        Assert.Equal("256", PipelineEdit.Get(changed, "data", "with.cutoff_len"));
        Assert.Equal("float32", PipelineEdit.Get(changed, "merge", "with.dtype"));
        Assert.DoesNotContain("\n", changed.Replace("\r\n", "", StringComparison.Ordinal));
        Assert.DoesNotContain("\r\r", changed);
    }

    [Theory]
    [InlineData("data/my file, 2.json")]
    [InlineData("a: b")]
    [InlineData("x # y")]
    [InlineData("\"quoted\" \\ {}")]
    [InlineData("数据/一.json")]
    [InlineData("true\nstages: []")]
    [InlineData("- item")]
    [InlineData("")]
    public void Whatever_is_written_is_read_as_the_same_text_and_nothing_else(string value)
    {
        var changed = PipelineEdit.Set(Yaml, "data", "with.sources.*.*.path", value)!;

        Assert.Equal(value, PipelineEdit.Get(changed, "data", "with.sources.*.*.path"));
        Assert.Equal("7", PipelineEdit.Get(changed, "tune", "with.lora_r"));
    }

    [Fact]
    public void A_base_is_exchanged_wherever_it_is_an_input() =>
        Assert.Equal(Yaml.Replace("\"model:pebble\"", "model:qwen-2.5", StringComparison.Ordinal)
            .Replace("model:pebble", "model:qwen-2.5", StringComparison.Ordinal),
            PipelineEdit.SetInputs(Yaml, "model:pebble", "model:qwen-2.5"));

    [Theory]
    [InlineData("not: [yaml", "data", "with.cutoff_len")]
    [InlineData("", "data", "with.cutoff_len")]
    [InlineData(Yaml, "nobody", "with.cutoff_len")]
    [InlineData(Yaml, "data", "with.sources")]
    [InlineData(Yaml, "data", "inputs.other")]
    [InlineData("stages: [{ id: data, uses: trainer }]", "data", "with.lora_r")]
    [InlineData("stages:\n  - id: data\n    uses: trainer\n    with: |\n      text\n", "data", "with.lora_r")]
    public void What_cannot_be_written_without_a_rewrite_is_left_to_the_hand(string yaml, string stage, string path)
    {
        Assert.Null(PipelineEdit.Get(yaml, stage, path));
        Assert.Null(PipelineEdit.Set(yaml, stage, path, "8"));
    }
}
