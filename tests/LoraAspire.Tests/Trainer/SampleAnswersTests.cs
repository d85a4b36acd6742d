using LoraAspire.Pipelines;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Trainer.Card;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

/// <summary>What the model answers while it is trained.</summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class SampleAnswersTests : IDisposable
{
    private static readonly TrainerParams s_settings = TrainerStageRun.Settings with { SampleAnswers = true };

    private readonly TrainerStageRun _stage = new();

    public void Dispose() => _stage.Dispose();

    [Fact]
    public void Three_prompts_are_asked_before_the_first_step_and_at_evaluations_and_told()
    {
        _stage.Run(s_settings with { NumEpochs = 12, LearningRate = 1e-2, EvalSteps = 10 }, "asked");

        var steps = MetricsLog.Read(Written("asked", MetricsLog.FileName));
        int[] looks = [0, .. steps.Where(step => step.EvalLoss is not null).Select(step => step.Step)];
        var samples = TrainingSample.Read(Written("asked", TrainingSample.FileName));
        Assert.Equal(looks.SelectMany(step => Enumerable.Repeat(step, 3)), samples.Select(sample => sample.Step));
        Assert.Equal(3, samples.Select(sample => sample.Prompt).Distinct().Count());
        Assert.Equal(samples, _stage.Reports.SelectMany(report => report.Samples ?? []));
        // The base says something else, and what the card has is what was answered at the best step.
        Assert.NotEqual(samples.Take(3).Select(sample => sample.Answer), samples.TakeLast(3).Select(sample => sample.Answer));
        var best = steps.Where(step => step.EvalLoss is not null).MinBy(step => step.EvalLoss)!.Step;
        var card = File.ReadAllText(Written("asked", RunCard.FileName));
        Assert.All(samples.Where(sample => sample.Step == best), sample =>
            Assert.Contains($"--- answered\n{sample.Answer}\n", card, StringComparison.Ordinal));
        Assert.Contains("samples.jsonl", card, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_trained_is_the_same_to_the_byte_with_and_without()
    {
        _stage.Run(s_settings, "asked");
        _stage.Run(s_settings with { SampleAnswers = false }, "silent");

        Assert.Equal(Bytes("silent", "adapter_model.safetensors"), Bytes("asked", "adapter_model.safetensors"));
        Assert.Equal(Bytes("silent", MetricsLog.FileName), Bytes("asked", MetricsLog.FileName));
        Assert.False(File.Exists(Written("silent", TrainingSample.FileName)));
    }

    /// <summary>Steps 3, 8 and 13 are before, at and after evaluations and checkpoints.</summary>
    [Fact]
    public void A_run_that_is_stopped_and_goes_on_has_each_answer_once()
    {
        var expected = _stage.Run(s_settings, "undisturbed");
        foreach (var stop in (int[])[3, 8, 13])
        {
            Assert.ThrowsAny<OperationCanceledException>(() => _stage.Run(s_settings, "stopped", stop));
        }

        Assert.Equal(expected, _stage.Run(s_settings, "stopped"));
    }

    /// <summary>As a crash leaves it; then a checkpoint is damaged, and an older one used.</summary>
    [Fact]
    public void What_was_written_after_the_checkpoint_is_taken_off_and_half_a_file_is_none()
    {
        var folder = Directory.CreateDirectory(_stage.Checkpoints("log")).FullName;
        SampleLog log = new(folder, 0);
        log.Put([new(0, "q", "a", "x")]);
        log.Put([new(4, "q", "a", "y")]);
        log.Put([new(8, "q", "a", "z\n\"我\"")]);

        SampleLog resumed = new(folder, 6);
        Assert.True(resumed.Has(4));
        Assert.False(resumed.Has(8));
        resumed.Put([new(8, "q", "a", "again")]);
        resumed.Put([new(8, "q", "a", "and again")]);
        Assert.Equal([(0, "x"), (4, "y"), (8, "and again")], Read());

        File.AppendAllText(Path.Combine(folder, TrainingSample.FileName), "{\"step\":12,\"pro");
        SampleLog broken = new(folder, 8);
        broken.Put([new(12, "q", "a", "new")]);
        Assert.Equal([(12, "new")], Read());

        IEnumerable<(int, string)> Read() => TrainingSample.Read(Path.Combine(folder, TrainingSample.FileName))
            .Select(sample => (sample.Step, sample.Answer));
    }

    [Fact]
    public void A_long_run_asks_no_more_than_fifty_times_and_at_its_end()
    {
        _stage.Run(s_settings with { MaxSteps = 52, EvalSteps = 1, SaveSteps = 1000 }, "long");

        var looks = TrainingSample.Read(Written("long", TrainingSample.FileName)).Select(sample => sample.Step).Distinct().ToList();
        Assert.Equal([.. Enumerable.Range(0, 27).Select(look => 2 * look)], looks);
        Assert.InRange(looks.Count, 1, SampledSteps.MostLooks + 2);
    }

    [Fact]
    public void Only_when_it_is_asked_for_is_it_part_of_what_the_training_is()
    {
        Assert.Null(StageKey.Parameters(s_settings with { SampleAnswers = false })["sample_answers"]);
        Assert.True((bool)StageKey.Parameters(s_settings)["sample_answers"]!);
    }

    [Fact]
    public void It_is_refused_where_nobody_could_answer() => Assert.Equal(["sample_answers", "sample_answers"],
        (s_settings with { ValSetSize = 0, ShardBase = true, Devices = DeviceChoice.Of("2")! }).Validate().Select(problem => problem.Key));

    private string Written(string name, string file) => Path.Combine(_stage.Adapter(name), file);

    private byte[] Bytes(string name, string file) => File.ReadAllBytes(Written(name, file));
}
