using LoraAspire.Lab.ResultPages;
using LoraAspire.Pipelines.Runs;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Store;

namespace LoraAspire.Tests.Lab;

/// <summary>What the lab reads of a run that is over.</summary>
public sealed class RunResultTests : IDisposable
{
    private const string Steps = """
        {"step":1,"epoch":0.5,"loss":4,"smoothedLoss":4,"learningRate":0.1,"gradNorm":1,"tokens":10,"evalLoss":1.5}
        {"step":2,"epoch":1,"loss":2,"smoothedLoss":3,"learningRate":0.1,"gradNorm":1,"tokens":20,"evalLoss":2.5}
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("lora-result-");

    private ArtifactStore Store => new(Path.Combine(_folder.FullName, "store"));

    [Fact]
    public void The_model_comes_before_the_adapter_and_the_loss_from_what_was_trained()
    {
        var adapter = Published(ArtifactKind.Adapter, (StepMetrics.FileName, Steps));
        var model = Published(ArtifactKind.Model, ("config.json", "{}"));

        var result = RunResult.Read(
            Run(Stage("tune", StageKinds.Trainer, "adapter", adapter), Stage("merge", StageKinds.Merger, "model", model)), Store);

        Assert.Equal((ArtifactKind.Model, "merge", "tiny"), (result.Made!.Kind, result.Made.Stage, result.Made.Base));
        Assert.Equal(Store.Folder(model), result.Made.Folder);
        var training = Assert.Single(result.Trainings);
        Assert.Equal((2, 1.5, 1), (training.Steps.Count, training.Best!.EvalLoss!.Value, training.Best.Step));
    }

    [Fact]
    public void Its_base_is_what_the_stage_took_that_made_it_and_not_what_another_stage_took()
    {
        var adapter = Published(ArtifactKind.Adapter, (StepMetrics.FileName, Steps));
        var tune = Stage("tune", StageKinds.Trainer, "adapter", adapter) with
        {
            Inputs = new Dictionary<string, string> { ["dataset"] = "data.dataset", ["base"] = "model:large" },
        };

        var made = RunResult.Read(Run(Stage("data", StageKinds.DataBuild, "dataset", adapter), tune), Store).Made!;

        Assert.Equal(("large", null), (made.Base, made.BaseFolder));
    }

    [Fact]
    public void A_base_that_another_stage_gave_is_that_stages_folder_while_the_store_holds_it()
    {
        var first = Published(ArtifactKind.Model, ("config.json", "{}"));
        var second = Published(ArtifactKind.Model, ("config.json", "{ }"));
        var again = Stage("again", StageKinds.Merger, "model", second) with
        {
            Inputs = new Dictionary<string, string> { ["base"] = "merge.model", ["adapter"] = "tune.adapter" },
        };

        var made = RunResult.Read(Run(Stage("merge", StageKinds.Merger, "model", first), again), Store).Made!;
        var alone = RunResult.Read(Run(Stage("merge", StageKinds.Merger, "model", new string('a', 64)), again), Store).Made!;

        Assert.Equal((null, Store.Folder(first)), (made.Base, made.BaseFolder));
        Assert.Equal((null, null), (alone.Base, alone.BaseFolder));
    }

    [Fact]
    public void Without_a_model_the_adapter_is_what_was_made_and_its_name_is_the_one_that_was_deployed_last()
    {
        var adapter = Published(ArtifactKind.Adapter, (StepMetrics.FileName, Steps));
        Deployments deployments = new(Store.Root);
        deployments.Deploy("first", "/models/tiny", Store.Folder(adapter));
        deployments.Deploy("second", "/models/tiny", Store.Folder(adapter));
        deployments.Deploy("other", Path.Combine(Store.Root, "objects", new string('0', 64)));

        var made = RunResult.Read(Run(Stage("tune", StageKinds.Trainer, "adapter", adapter)), Store).Made!;

        Assert.Equal(ArtifactKind.Adapter, made.Kind);
        Assert.Equal(["second", "first"], made.ServedAs);
    }

    [Fact]
    public void What_the_store_has_lost_is_said_to_be_gone()
    {
        var gone = new string('a', 64);

        var result = RunResult.Read(
            Run(Stage("tune", StageKinds.Trainer, "adapter", gone), Stage("ask", StageKinds.Evaluator, "report", gone)), Store);

        Assert.Null(result.Made!.Folder);
        Assert.Contains("no longer holds", result.Reports[0].Trouble, StringComparison.Ordinal);
        Assert.Contains("no longer holds", result.Trainings[0].Trouble?.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("{")]
    [InlineData("null")]
    [InlineData("""{ "questions": [null] }""")]
    [InlineData("""{ "questions": [{ "question": "q", "base": null, "model": null }] }""")]
    [InlineData("""{ "questions": [{ "question": null, "base": "b", "model": "m" }], "heldOut": [{}] }""")]
    [InlineData("""{ "questions": [], "scores": [{ "name": null, "value": 1 }] }""")]
    [InlineData("""{ "questions": [], "candidates": ["c"], "scores": [{ "name": "x", "value": 1, "candidates": [] }] }""")]
    [InlineData("""{ "questions": [], "judge": { "model": "j", "models": [], "questions": [{ "question": "q", "answers": [{}] }] } }""")]
    public void A_damaged_report_is_told_in_words(string json)
    {
        var report = Published(ArtifactKind.Report, (AnswersReport.FileName, json));

        var read = Assert.Single(RunResult.Read(Run(Stage("ask", StageKinds.Evaluator, "report", report)), Store).Reports);

        Assert.Null(read.View);
        Assert.Contains(AnswersReport.FileName, read.Trouble, StringComparison.Ordinal);
    }

    [Fact]
    public void Steps_that_are_none_are_told_in_words()
    {
        var adapter = Published(ArtifactKind.Adapter, (StepMetrics.FileName, "{\"step\":1,\"lo"));

        var training = Assert.Single(RunResult.Read(Run(Stage("tune", StageKinds.Trainer, "adapter", adapter)), Store).Trainings);

        Assert.Empty(training.Steps);
        Assert.Contains("can't be read", training.Trouble?.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_has_given_nothing_has_no_result() =>
        Assert.True(RunResult.Read(
            Run(new StageState("data", StageKinds.DataBuild.Name, new Dictionary<string, string>())), Store).IsEmpty);

    private static RunState Run(params StageState[] stages) => new("run") { Stages = [.. stages] };

    private static StageState Stage(string id, StageKind kind, string output, string digest) =>
        new(id, kind.Name, new Dictionary<string, string> { ["base"] = "model:tiny" })
        {
            Outputs = new Dictionary<string, string> { [output] = digest },
        };

    private string Published(ArtifactKind kind, params (string Name, string Text)[] files)
    {
        var scratch = _folder.CreateSubdirectory(Path.GetRandomFileName()).FullName;
        foreach (var (name, text) in files)
        {
            File.WriteAllText(Path.Combine(scratch, name), text);
        }
        return Store.Publish(scratch, kind, "test@1");
    }

    public void Dispose() => _folder.Delete(recursive: true);
}
