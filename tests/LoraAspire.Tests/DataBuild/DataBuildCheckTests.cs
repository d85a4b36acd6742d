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

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private List<Finding> Check(string model, params string[] files) => [.. ((IStage<DataBuildParams>)new DataBuildStage()).Check(new(
        new() { Sources = [.. files.Select(file => (DataSource)new AlpacaSource { Path = file })] },
        new Dictionary<string, string> { ["base"] = model }, new DataRoot(_folder)))];
}
