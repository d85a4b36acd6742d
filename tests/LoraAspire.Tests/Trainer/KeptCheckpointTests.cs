using LoraAspire.Model.Adapters;
using LoraAspire.Model.Prompts;
using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;

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
