using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Store;
using LoraAspire.Trainer.Training;
using TorchSharp;

namespace LoraAspire.Tests.Trainer;

/// <summary>A run that keeps three checkpoints, evaluates, and was stopped at step 8 with those of steps 2, 4 and 6 on the disk.</summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class DamagedCheckpointTests : IClassFixture<DamagedCheckpointTests.Undisturbed>, IDisposable
{
    private static readonly TrainerParams Settings =
        TrainerStageRun.Settings with { NumEpochs = 2, SaveSteps = 2, SaveTotalLimit = 3 };

    private readonly TrainerStageRun _stage = new();
    private readonly string _expected;

    public DamagedCheckpointTests(Undisturbed undisturbed)
    {
        _expected = undisturbed.Digest;
        // As a killed process leaves it: one that is asked to stop would write a checkpoint first.
        Assert.Throws<InvalidOperationException>(
            () => _stage.Run(Settings, "stopped", each: step => _ = step < 7 ? step : throw new InvalidOperationException("killed")));
        _stage.Reports.Clear();
    }

    public void Dispose() => _stage.Dispose();

    private string Checkpoints => _stage.Checkpoints("stopped");

    [Theory]
    [InlineData("step-000006/state.safetensors", null, 4)]
    [InlineData("step-000006/state.json", null, 4)]
    [InlineData("best-000004.safetensors", null, 2)] // those of steps 4 and 6 count on it
    [InlineData("metrics.jsonl", 10, 0)] // the first line, which all count on
    public void One_flipped_bit_sets_a_checkpoint_aside_and_the_one_before_it_gives_the_same_artifact(string file, int? at, int from)
    {
        TestFolder.Flip(Path.Combine(Checkpoints, file), at);

        Assert.Equal(_expected, _stage.Run(Settings, "stopped"));

        Assert.Equal((6 - from) / 2, Directory.GetDirectories(Checkpoints, "damaged-step-*").Length);
        Assert.Equal((6 - from) / 2, _stage.Reports.Count(
            report => report.Message?.Contains($"is damaged: {Path.GetFileName(file)} ", StringComparison.Ordinal) == true));
        Assert.Equal(from == 0 ? [] : [$"Resuming from the checkpoint of step {from}."],
            _stage.Reports.Select(report => report.Message)
                .Where(message => message?.StartsWith("Resuming", StringComparison.Ordinal) == true));
    }

    [Theory]
    [InlineData("step-000006/state.safetensors")]
    [InlineData("step-000006/state.json")]
    [InlineData("best-000004.safetensors")]
    [InlineData("metrics.jsonl")]
    public void A_missing_file_does_the_same(string file)
    {
        File.Delete(Path.Combine(Checkpoints, file));

        Assert.Equal(_expected, _stage.Run(Settings, "stopped"));
        Assert.Contains(_stage.Reports, report => report.Message?.Contains("is damaged: ", StringComparison.Ordinal) == true);
    }

    [Fact]
    public void A_checkpoint_with_the_checksums_of_another_is_damaged()
    {
        File.Copy(Path.Combine(Checkpoints, "step-000004", "state.json"), Path.Combine(Checkpoints, "step-000006", "state.json"),
            overwrite: true);

        Assert.Equal(_expected, _stage.Run(Settings, "stopped"));
        Assert.Contains(_stage.Reports,
            report => report.Message?.StartsWith("The checkpoint step-000006 is damaged: state.safetensors isn't what was written.",
                StringComparison.Ordinal) == true);
    }

    [Fact]
    public void An_older_checkpoint_that_is_damaged_meanwhile_stops_nobody()
    {
        File.WriteAllText(Path.Combine(Checkpoints, "step-000004", "state.json"), "{ broken");

        Assert.Equal(_expected, _stage.Run(Settings, "stopped"));
        Assert.Contains(_stage.Reports, report => report.Message == "Resuming from the checkpoint of step 6.");
    }

    [Fact]
    public void The_best_steps_parameters_are_held_to_their_checksum_when_they_are_given()
    {
        using var model = LlamaModel.Load(TrainerStageRun.Base, torch.CPU, torch.float32);
        model.AttachFresh(new LoraConfig(2, 4, 0, [AdapterConfig.AllLinear]), seed: 1);
        using var parameters = ParameterSet.OfAdapters(model);
        using AdamW optimiser = new(parameters, 0.9, 0.999, 1e-8, 0);
        using MetricsLog metrics = new(Checkpoints, 0);
        using Checkpoints checkpoints = new(Checkpoints, 3, step => step % Settings.SaveSteps == 0, parameters, optimiser);
        checkpoints.Save(TrainingState.Start with { Step = 9, BestStep = 9 }, checkpoint: true, best: true, metrics);
        checkpoints.LoadBest(9);
        TestFolder.Flip(Path.Combine(Checkpoints, "best-000009.safetensors"));

        var error = Assert.Throws<StageException>(() => checkpoints.LoadBest(9));

        Assert.True(error.Transient);
        Assert.Contains("isn't what was written", error.Message, StringComparison.Ordinal);
        List<string> said = [];
        Assert.NotEqual(9, checkpoints.Resume(said.Add).Step);
        Assert.StartsWith("The checkpoint step-000009 is damaged: best-000009.safetensors isn't what was written.", said[0],
            StringComparison.Ordinal);
    }

    public sealed class Undisturbed
    {
        public Undisturbed()
        {
            using TrainerStageRun stage = new();
            Digest = stage.Run(Settings, "undisturbed");
        }

        public string Digest { get; }
    }
}
