using LoraAspire.DataBuild;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.DataBuild;

/// <summary>What `lora check` asks of data-build: the base's tokenizer and the first record of each file.</summary>
public sealed class DataBuildCheckTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-").FullName;

    [Fact]
    public void A_source_whose_first_record_cannot_be_read_is_told_at_its_place()
    {
        File.WriteAllText(Path.Combine(_folder, "good.json"), """[{"instruction": "a", "output": "b"}]""");
        File.WriteAllText(Path.Combine(_folder, "named.json"), """[{"question": "a", "output": "b"}]""");
        File.WriteAllText(Path.Combine(_folder, "empty.jsonl"), "");
        var found = Check(GoldenFolder.Pebble, "good.json", "named.json", "empty.jsonl");

        Assert.Equal(["sources[1]", "sources[2]"], found.Select(finding => finding.Key));
        Assert.Contains("row 0 has no 'instruction'", found[0].Problem);
        Assert.Contains("empty.jsonl", found[1].Problem);
    }

    [Fact]
    public void A_base_without_a_tokenizer_is_told_at_its_input()
    {
        File.WriteAllText(Path.Combine(_folder, "good.json"), """[{"instruction": "a", "output": "b"}]""");
        File.Copy(Path.Combine(GoldenFolder.Pebble, "config.json"), Path.Combine(_folder, "config.json"));
        var finding = Assert.Single(Check(_folder, "good.json"));
        Assert.Equal("base", finding.Key);
        Assert.Contains("No tokenizer in", finding.Problem);
    }

    [Fact]
    public void The_records_of_the_files_are_counted_for_the_stages_that_follow()
    {
        File.WriteAllText(Path.Combine(_folder, "three.json"),
            """[{"instruction": "a", "output": "1"}, {"instruction": "b", "output": "2"}, {"instruction": "c", "output": "3"}]""");
        IStage<DataBuildParams> stage = new DataBuildStage();
        Assert.Equal(5, stage.Records(new(
            new() { Sources = [new AlpacaSource { Path = "three.json" }, new AlpacaSource { Path = "three.json", Sample = 2 }] },
            new Dictionary<string, string>(), new DataRoot(_folder))));
    }

    [Fact]
    public void Conversations_that_only_a_chat_template_can_write_are_counted_too()
    {
        File.WriteAllText(Path.Combine(_folder, "talks.jsonl"), """
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
            {"messages": [{"role": "assistant", "content": "Hi"}, {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}
            """);
        IStage<DataBuildParams> stage = new DataBuildStage();
        Assert.Equal(2, stage.Records(new(new() { Sources = [new ChatSource { Path = "talks.jsonl" }] },
            new Dictionary<string, string>(), new DataRoot(_folder))));
    }

    [Theory]
    [InlineData(EmptyOutput.Keep, 1)]
    [InlineData(EmptyOutput.Skip, 0)]
    [InlineData(EmptyOutput.Error, 0)]
    public void A_first_output_of_null_is_told_only_where_empty_output_does_not_say_what_becomes_of_it(EmptyOutput emptyOutput, int told)
    {
        File.WriteAllText(Path.Combine(_folder, "null.json"), """[{"instruction": "a", "output": null}]""");
        Assert.Equal(told, Check(GoldenFolder.Pebble,
            new DataBuildParams { Sources = [new AlpacaSource { Path = "null.json" }], EmptyOutput = emptyOutput }).Count);
    }

    [Fact]
    public void An_empty_file_is_told_although_a_chat_model_is_to_write_templates_for_it()
    {
        File.WriteAllText(Path.Combine(_folder, "empty.csv"), "text,label\n");
        var finding = Assert.Single(Check(GoldenFolder.Pebble, new DataBuildParams
        {
            Sources = [new TableSource { Path = "empty.csv", Templates = ["Good? [text]"], Output = "[label]", Written = 3 }],
        }));
        Assert.Equal("sources[0]", finding.Key);
        Assert.Contains("empty.csv: holds no record", finding.Problem);
    }

    [Theory]
    [InlineData("chat_template", "brings none")]
    [InlineData("template.json", "template.json")]
    public void A_prompt_template_that_is_not_there_or_cannot_be_read_is_told_at_its_parameter(string name, string words)
    {
        File.WriteAllText(Path.Combine(_folder, "good.json"), """[{"instruction": "a", "output": "b"}]""");
        File.WriteAllText(Path.Combine(_folder, "template.json"), """{"description": "no prompts"}""");
        var finding = Assert.Single(Check(GoldenFolder.Pebble,
            new DataBuildParams { Sources = [new AlpacaSource { Path = "good.json" }], PromptTemplateName = name }));
        Assert.Equal("prompt_template_name", finding.Key);
        Assert.Contains(words, finding.Problem);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private List<Finding> Check(string model, params string[] files) =>
        Check(model, new DataBuildParams { Sources = [.. files.Select(file => (DataSource)new AlpacaSource { Path = file })] });

    private List<Finding> Check(string model, DataBuildParams with) => [.. ((IStage<DataBuildParams>)new DataBuildStage()).Check(
        new(with, new Dictionary<string, string> { ["base"] = model }, new DataRoot(_folder)))];
}
