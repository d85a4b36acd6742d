using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Store;
using LoraAspire.Trainer.Training;
using TorchSharp;

namespace LoraAspire.Tests.Trainer;

[Collection(Goldens.TorchRandom.Name)]
public sealed class KeptCheckpointTests
{
    private static readonly TrainerParams With = new()
    {
        BatchSize = 8,
        MaxSteps = 6,
        WarmupSteps = 0,
        LrSchedulerType = LrScheduler.Constant,
        ValSetSize = 0,
        LearningRate = 1e-3,
        SaveSteps = 2,
        SaveTotalLimit = 2,
        KeepCheckpoints = true,
        Device = Device.Cpu,
    };

    [Fact]
    public void The_last_checkpoints_are_given_as_adapters_and_the_adapter_is_what_it_is_without_them()
    {
        using var stage = new TrainerStageRun();
        stage.Run(With, "kept");
        stage.Run(With with { KeepCheckpoints = false }, "plain");
        stage.Run(With with { KeepCheckpoints = false, MaxSteps = 4 }, "four");

        var given = Path.Combine(Path.GetDirectoryName(stage.Adapter("kept"))!, "checkpoints");
        var folders = Directory.GetDirectories(given).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(["step-000002", "step-000004"], folders.Select(Path.GetFileName));
        Assert.Equal(Weights(stage.Adapter("plain")), Weights(stage.Adapter("kept")));
        Assert.Equal(Weights(stage.Adapter("four")), Weights(folders[1]));
        Assert.NotEqual(Weights(folders[0]), Weights(folders[1]));
        Assert.All(folders, folder => Assert.NotNull(PromptFormat.Of(folder)));
        Assert.False(Directory.Exists(Path.Combine(Path.GetDirectoryName(stage.Adapter("plain"))!, "checkpoints")));
    }

    [Theory]
    [InlineData(3, 4)] // within the evaluation of step 5, which no checkpoint is due at
    [InlineData(3, 6)]
    [InlineData(3, 7)] // step 8 was under way
    [InlineData(5, 9)] // within the last evaluation
    public void A_run_that_was_stopped_and_went_on_gives_the_checkpoints_of_an_undisturbed_one(int saveSteps, int stopAfter)
    {
        var with = With with { MaxSteps = 10, ValSetSize = 4, EvalSteps = 5, SaveSteps = saveSteps };
        using var stage = new TrainerStageRun();
        IEnumerable<(string, string)> Given(string name) =>
            Directory.GetDirectories(Path.Combine(Path.GetDirectoryName(stage.Adapter(name))!, "checkpoints"))
                .Order(StringComparer.Ordinal).Select(folder => (Path.GetFileName(folder), Weights(folder)));

        var expected = stage.Run(with, "whole");
        Assert.ThrowsAny<OperationCanceledException>(() => stage.Run(with, "stopped", stopAfter));

        Assert.Equal(expected, stage.Run(with, "stopped"));
        Assert.Equal(Given("whole"), Given("stopped"));
    }

    /// <summary>Its state counts one step less than its name: the figures of the last one wait for their evaluation.</summary>
    [Fact]
    public void What_was_written_because_a_run_stopped_before_an_evaluation_is_none_of_them_and_takes_no_place()
    {
        using var stage = new TrainerStageRun();
        using var model = LlamaModel.Load(TrainerStageRun.Base, torch.CPU, torch.float32);
        model.AttachFresh(new LoraConfig(2, 4, 0, [AdapterConfig.AllLinear]), seed: 1);
        using var parameters = ParameterSet.OfAdapters(model);
        using AdamW optimiser = new(parameters, 0.9, 0.999, 1e-8, 0);
        var folder = Directory.CreateDirectory(stage.Checkpoints("direct")).FullName;
        using MetricsLog metrics = new(folder, 0);
        using Checkpoints checkpoints = new(folder, 2, step => step % 3 == 0, parameters, optimiser);
        void Save(int step, StepFigures? pending = null)
        {
            checkpoints.Save(TrainingState.Start with { Step = step, Pending = pending }, checkpoint: true, best: false, metrics);
            checkpoints.Join();
        }
        List<string?> Names() => [.. Directory.GetDirectories(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal)];

        Save(3);
        Save(6);
        Save(6, new StepFigures(7, 1, 1, 1, 1));

        Assert.Equal(["step-000003", "step-000006", "step-000007"], Names());
        List<int> given = [];
        checkpoints.Each(given.Add, words => Assert.Fail(words));
        Assert.Equal([3, 6], given);
        Save(9);
        Assert.Equal(["step-000006", "step-000009"], Names());
    }

    [Fact]
    public void One_that_is_no_longer_what_was_written_is_set_aside_and_not_given()
    {
        using var stage = new TrainerStageRun();
        var adapter = stage.Run(With, "whole");

        var found = stage.Run(With, "damaged", each: step =>
        {
            if (step == 5)
            {
                TestFolder.Flip(Path.Combine(stage.Checkpoints("damaged"), "step-000002", "state.safetensors"));
            }
        });

        Assert.Equal(adapter, found);
        var given = Path.Combine(Path.GetDirectoryName(stage.Adapter("damaged"))!, "checkpoints");
        Assert.Equal(["step-000004"], Directory.GetDirectories(given).Select(Path.GetFileName));
        var words = Assert.Single(stage.Reports.Select(report => report.Message ?? ""),
            message => message.Contains("is damaged", StringComparison.Ordinal));
        Assert.StartsWith("The checkpoint step-000002 is damaged: state.safetensors isn't what was written.", words,
            StringComparison.Ordinal);
        Assert.EndsWith("its adapter is not given.", words, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_ends_before_its_first_checkpoint_is_refused_before_it_begins()
    {
        using var stage = new TrainerStageRun();

        var error = Assert.Throws<StageException>(() => stage.Run(With with { SaveSteps = 6 }, "none"));

        Assert.Equal("keep_checkpoints is set, and none is written: the run ends at step 6, and save_steps is 6. Lower save_steps.",
            error.Message);
        Assert.DoesNotContain(stage.Reports, report => report.Phase == "step");
    }

    [Fact]
    public void Where_they_are_given_how_many_are_kept_is_part_of_what_a_stage_is_known_by()
    {
        string Key(TrainerParams with) => StageKey.Canonical(StageKey.Parameters(with));

        Assert.NotEqual(Key(With), Key(With with { SaveTotalLimit = 3 }));
        Assert.Equal(Key(With with { KeepCheckpoints = false }), Key(With with { KeepCheckpoints = false, SaveTotalLimit = 3 }));
        Assert.Equal([true, false], new[] { With, With with { KeepCheckpoints = false } }.Select(with => with.Gives("checkpoints")));
        Assert.Equal("keep_checkpoints", (With with { FinetuningType = FinetuningType.Full }).Validate().Single().Key);
    }

    private static string Weights(string folder) => Convert.ToHexString(File.ReadAllBytes(Path.Combine(folder, Adapter.FileName)));
}
