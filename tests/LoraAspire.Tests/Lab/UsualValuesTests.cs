using LoraAspire.Lab.SubmitPages;
using LoraAspire.Pipelines.Yaml;

namespace LoraAspire.Tests.Lab;

/// <summary>The form beside the text.</summary>
public sealed class UsualValuesTests
{
    private const string Yaml = """
        name: one
        stages:
          - id: data
            uses: data-build
            inputs: { base: model:pebble }
            with:
              sources:
                - alpaca: { path: rows.json }
          - id: tune
            uses: trainer
            inputs: { dataset: data.dataset, base: model:pebble }
            with:
              lora_r: 4 # small
        """;

    [Fact]
    public void Eight_values_are_shown_with_what_is_written_or_the_default()
    {
        var values = Read(Yaml);

        Assert.Equal(["Base model", "Data file", "Epochs", "Learning rate", "Batch size", "Rank", "Alpha", "Longest row, tokens"],
            values.Select(value => value.Label));
        Assert.Equal(["model:pebble", "rows.json", "3", "0.0003", "128", "4", "16", "256"], values.Select(value => value.Shown));
        Assert.Equal([true, true, false, false, false, true, false, false], values.Select(value => value.Written is not null));
    }

    [Fact]
    public void What_is_entered_stands_in_the_text_and_is_read_again()
    {
        var yaml = Yaml;
        foreach (var (label, value) in new[]
            { ("Base model", "qwen"), ("Data file", "data/my rows.json"), ("Epochs", "5"), ("Rank", "32") })
        {
            yaml = UsualValues.Write(yaml, Read(yaml).Single(one => one.Label == label), value)!;
        }

        var values = Read(yaml).ToDictionary(value => value.Label, value => value.Written);
        Assert.Equal(("model:qwen", "data/my rows.json", "5", "32"),
            (values["Base model"], values["Data file"], values["Epochs"], values["Rank"]));
        Assert.DoesNotContain("pebble", yaml);
        Assert.Contains("# small", yaml);
    }

    [Fact]
    public void What_is_cleared_leaves_the_text_and_the_default_is_shown()
    {
        var values = Read(Yaml);

        var cleared = UsualValues.Write(Yaml, values.Single(one => one.Label == "Rank"), " ")!;

        Assert.DoesNotContain("lora_r", cleared);
        var rank = Read(cleared).Single(one => one.Label == "Rank");
        Assert.Equal((null, "8"), (rank.Written, rank.Shown));
        Assert.All(["Base model", "Data file"], label =>
            Assert.Null(UsualValues.Write(Yaml, values.Single(one => one.Label == label), "")));
    }

    [Fact]
    public void A_value_that_is_none_stays_in_the_form_to_be_mended()
    {
        var before = Read(Yaml);
        var slip = UsualValues.Write(Yaml, before.Single(one => one.Label == "Rank"), "abc")!;

        var values = UsualValues.Of(slip, before);

        Assert.Equal(before.Select(value => value.Label), values.Select(value => value.Label));
        Assert.Equal("abc", values.Single(value => value.Label == "Rank").Shown);
        Assert.Equal(before, UsualValues.Of(Yaml, values));
        Assert.Equal(before, UsualValues.Of("name: [", before));
        Assert.Empty(UsualValues.Of("", before));
    }

    [Fact]
    public void A_base_model_may_be_entered_as_the_text_has_it() =>
        Assert.Equal("model:qwen", Read(UsualValues.Write(Yaml, Read(Yaml)[0], "model:qwen")!)[0].Written);

    [Fact]
    public void A_pipeline_that_trains_nothing_has_no_form() =>
        Assert.Empty(Read("name: one\nstages:\n  - id: talk\n    uses: chat\n    inputs: { model: model:pebble }\n"));

    private static IReadOnlyList<UsualValue> Read(string yaml) => UsualValues.Of(PipelineParser.Parse(yaml, "p.yaml").Required(), yaml);
}
