using LoraAspire.Pipelines.Stages;
using LoraAspire.Pipelines.Yaml;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer;

namespace LoraAspire.Tests.Trainer;

/// <summary>Runs that would learn nothing are stopped before they start, with what to change.</summary>
public sealed class LearnsNothingTests
{
    [Theory]
    [InlineData(50_000, null, 2000)]
    [InlineData(20_000, null, 2000)]
    [InlineData(19_999, null, 1999)]
    [InlineData(12, null, 1)]
    [InlineData(9, null, 0)]
    [InlineData(1000, 0.1, 100)]
    [InlineData(10, 0.001, 1)]
    [InlineData(10, 0.0, 0)]
    [InlineData(10, 5.0, 5)]
    public void So_many_rows_are_held_out(int rows, double? valSetSize, int heldOut) =>
        Assert.Equal(heldOut, new TrainerParams { ValSetSize = valSetSize }.HeldOutOf(rows));

    [Theory]
    [InlineData("val_size: 0.1", 0.1)]
    [InlineData("val_set_size: 200.0", 200)]
    public void A_share_of_other_trainers_is_taken(string yaml, double share) =>
        Assert.Equal(share, ((TrainerParams)PipelineParser.ParseParams(yaml, "with.yaml", StageKinds.Trainer)).ValSetSize);

    [Theory]
    [InlineData("val_set_size: 2.5", "is a whole number of rows, or below 1 a share of them")]
    [InlineData("learning_rate: 100", "must be above 0 and at most 1")]
    [InlineData("max_steps: 1", "makes a warm-up, whose first step has the learning rate 0, and max_steps is 1")]
    [InlineData("max_steps: 1\nwarmup_ratio: 0.5", "makes a warm-up, whose first step has the learning rate 0, and max_steps is 1")]
    public void A_slip_is_refused_where_it_is_written(string yaml, string words) =>
        Assert.Contains(words, Assert.Throws<PipelineException>(() =>
            PipelineParser.ParseParams(yaml, "with.yaml", StageKinds.Trainer)).Message);

    [Theory]
    [InlineData(100, null, "1 step, 100 of warm-up: nothing is learned")]
    [InlineData(0, 0.5, "1 step, 1 of warm-up: nothing is learned")]
    public void A_run_of_one_step_at_the_rate_0_is_refused(int warmup, double? ratio, string words)
    {
        using TrainerStageRun stage = new();
        var error =
            Assert.Throws<StageException>(() => stage.Run(Once(batch: 40) with { WarmupSteps = warmup, WarmupRatio = ratio }, "one"));
        Assert.StartsWith(words, error.Message);
        Assert.Contains("40 rows make 1 step of 40 an epoch: lower warmup_steps or batch_size", error.Message);
    }

    [Theory]
    [InlineData(8, 5, "5 steps, 5 of warm-up: little is learned")]
    [InlineData(20, 100, "2 steps, 100 of warm-up: little is learned")]
    [InlineData(8, 4, null)]
    public void A_run_that_ends_within_its_warm_up_is_warned_of(int batch, int warmup, string? words)
    {
        using TrainerStageRun stage = new();
        stage.Run(Once(batch) with { WarmupSteps = warmup }, "short");
        Assert.Equal(words is not null, stage.Reports.Any(report => report.Message?.Contains("of warm-up") == true));
        Assert.True(words is null || stage.Reports.Any(report => report.Message?.StartsWith(words) == true));
    }

    private static TrainerParams Once(int batch) => new()
    {
        BatchSize = batch,
        MicroBatchSize = batch,
        NumEpochs = 1,
        ValSetSize = 0,
        Device = Device.Cpu,
    };

    [Fact]
    public void Of_few_rows_a_tenth_is_held_out_where_nothing_is_said()
    {
        using TrainerStageRun stage = new();
        stage.Run(new TrainerParams { BatchSize = 6, MicroBatchSize = 6, NumEpochs = 1, WarmupSteps = 0, Device = Device.Cpu }, "tenth");
        Assert.Contains(stage.Reports, report => report.Message?.Contains("36 rows to train on, 4 held out") == true);
    }

    [Theory]
    [InlineData("val_set_size: 12", 12, "val_set_size", "is 12 rows, and the sources hold 12 records")]
    [InlineData("{ val_set_size: 0, num_epochs: 1 }", 12, "warmup_steps", "12 records make at most 1 step")]
    [InlineData("{ warmup_ratio: 1.0, num_epochs: 1 }", 12, "warmup_ratio", "12 records make at most 1 step")]
    [InlineData("{ keep_checkpoints: true, save_steps: 20, max_steps: 20 }", 500, "keep_checkpoints", "at most 20 steps, and save_")]
    [InlineData("{ keep_checkpoints: true, save_steps: 19, max_steps: 20 }", 500, null, null)]
    [InlineData("val_set_size: 0", 12, null, null)]
    [InlineData("val_set_size: 0", 50_000, null, null)]
    public void Too_few_records_for_the_settings_are_found_before_a_start(string yaml, long records, string? key, string? words)
    {
        var with = (TrainerParams)PipelineParser.ParseParams(yaml, "with.yaml", StageKinds.Trainer);
        var found = ((IStage<TrainerParams>)new TrainStage()).Check(
            new(with, new Dictionary<string, string>(), new DataRoot(Path.GetTempPath())) { Records = records }).ToList();
        Assert.Equal(key, found.Select(finding => finding.Key).SingleOrDefault());
        Assert.True(words is null || found[0].Problem.Contains(words, StringComparison.Ordinal), found.FirstOrDefault()?.Problem);
    }

    [Fact]
    public void A_target_that_no_layer_has_and_a_base_that_cannot_run_are_found_before_a_start()
    {
        IEnumerable<Finding> Check(string folder, params string[] targets) => ((IStage<TrainerParams>)new TrainStage()).Check(
            new(new() { LoraTargetModules = targets }, new Dictionary<string, string> { ["base"] = folder }, new DataRoot(folder)));

        Assert.Empty(Check(TrainerStageRun.Base, "q_proj", "lm_head"));
        Assert.Empty(Check(TrainerStageRun.Base, "all-linear"));
        var finding = Assert.Single(Check(TrainerStageRun.Base, "q_proj", "W_pack"));
        Assert.Equal("lora_target_modules", finding.Key);
        Assert.Contains("'W_pack': it has", finding.Problem);

        var empty = Directory.CreateTempSubdirectory("lora-").FullName;
        Assert.Contains("config.json", Assert.Single(Check(empty, "q_proj")).Problem);
        foreach (var file in (string[])["config.json", "model.safetensors.index.json"])
        {
            File.WriteAllText(Path.Combine(empty, file), file == "config.json"
                ? File.ReadAllText(Path.Combine(TrainerStageRun.Base, file))
                : """{"weight_map": {"a": "model-00001-of-00002.safetensors"}}""");
        }
        Assert.Contains("model-00001-of-00002.safetensors", Assert.Single(Check(empty, "q_proj")).Problem);
    }
}
