using LoraAspire.DataBuild;
using LoraAspire.Model;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Stages.DataSources;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Tests.Trainer;
using LoraAspire.Trainer;

namespace LoraAspire.Tests.Reports;

/// <summary>Bases and settings as people brought them, each with the answer that helps.</summary>
public sealed class ReportedBasesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-reports-").FullName;

    [Theory]
    [InlineData("bnb4", "base", "no weights")]
    [InlineData("missing_shard", "base", "No file ")]
    [InlineData("lfs_weights", "base", "is a git-lfs pointer")]
    [InlineData("mt_phi3", "base", "'model_type' is 'phi3'")]
    public void A_base_that_cannot_be_trained_is_told_before_anything_starts(string name, string key, string words)
    {
        var model = Path.Combine(ReportCases.Copy("check-passes-unusable-base", _folder), "models", name);
        var finding = Assert.Single(Trainer(model));
        Assert.Equal(key, finding.Key);
        Assert.Contains(words, finding.Problem);
    }

    [Fact]
    public void A_base_without_an_end_token_is_told_before_anything_starts()
    {
        var model = Path.Combine(ReportCases.Copy("check-passes-unusable-base", _folder), "models", "no_eos");
        File.WriteAllText(Path.Combine(_folder, "a.json"), """[{"instruction": "a", "output": "b"}]""");
        var finding = Assert.Single(((IStage<DataBuildParams>)new DataBuildStage()).Check(new(
            new() { Sources = [new AlpacaSource { Path = "a.json" }], PromptTemplateName = "plain" },
            new Dictionary<string, string> { ["base"] = model }, new DataRoot(_folder))));
        Assert.Equal("base", finding.Key);
        Assert.Contains("eos", finding.Problem);
    }

    [Fact]
    public void A_link_into_a_Hugging_Face_cache_is_read_as_the_folder_that_it_is()
    {
        var root = ReportCases.Copy("hf-cache-link-kills-coordinator", _folder);
        LoraPaths paths = new(Path.Combine(_folder, "state"), Path.Combine(_folder, "store"), root, Path.Combine(root, "models"));
        ContentDigests content = new(paths);
        Assert.Empty(
            PipelineParser.Parse(File.ReadAllText(Path.Combine(root, "pipeline.yaml")), "pipeline.yaml", content.References).Errors);
        Assert.Equal(64, content.OfModel("linked").Length);
        Assert.Empty(ModelCheck.Problems(content.ModelFolder("linked")));
    }

    [Fact]
    public void A_pointer_in_the_place_of_weights_or_tokenizer_says_what_to_do()
    {
        var root = ReportCases.Copy("lfs-pointer-words", _folder);
        Assert.Contains("git lfs pull",
            Assert.Throws<ModelException>(() => WeightFiles.Open(Path.Combine(root, "base-lfs_weights"))).Message);
        Assert.Contains("git lfs pull",
            Assert.Throws<ModelException>(() => HfTokenizer.Load(Path.Combine(root, "base-lfs_tokenizer"))).Message);
    }

    [Fact]
    public void Tiktokens_file_beside_a_tokenizer_json_is_left_alone()
    {
        var root = ReportCases.Copy("tiktoken-beside-tokenizer-json", _folder);
        Assert.Empty(ModelCheck.Problems(Path.Combine(root, "base"), weights: false));
        Assert.NotEmpty(HfTokenizer.Load(Path.Combine(root, "base")).Encode("Hello", addBos: false));
    }

    [Fact]
    public void Whole_floats_and_shares_of_other_trainers_are_taken()
    {
        var root = ReportCases.Copy("llamafactory-whole-floats", _folder);
        var with =
            (TrainerParams)PipelineParser.ParseParams(File.ReadAllText(Path.Combine(root, "with.yaml")), "with.yaml", StageKinds.Trainer);
        Assert.Equal((3, 0.1), (with.NumEpochs, with.ValSetSize!.Value));
    }

    [Fact]
    public void One_step_and_a_hundred_of_warm_up_are_refused()
    {
        var root = ReportCases.Copy("warmup-longer-than-run", _folder);
        var with =
            (TrainerParams)PipelineParser.ParseParams(File.ReadAllText(Path.Combine(root, "with.yaml")), "with.yaml", StageKinds.Trainer);
        using TrainerStageRun stage = new();
        Assert.Contains("1 step, 100 of warm-up", Assert.Throws<StageException>(() => stage.Run(with, "twelve")).Message);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static IEnumerable<Finding> Trainer(string model) => ((IStage<TrainerParams>)new TrainStage()).Check(
        new(new(), new Dictionary<string, string> { ["base"] = model }, new DataRoot(model)));
}
