using LoraAspire.Pipelines.Stages;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

[Collection(Goldens.TorchRandom.Name)]
public sealed class ResumeTests(ITestOutputHelper output) : IDisposable
{
    private const int Trials = 10;

    private static readonly TrainerParams Settings = new()
    {
        BatchSize = 8,
        MicroBatchSize = 4,
        MicroBatchTokens = 64,
        NumEpochs = 4,
        LearningRate = 2e-3,
        WarmupSteps = 3,
        LoraR = 2,
        LoraDropout = 0.2,
        ValSetSize = 6,
        EvalSteps = 4,
        SaveSteps = 3,
        SaveTotalLimit = 2,
        GroupByLength = true,
    };

    private readonly TrainerStageRun _stage = new();

    public void Dispose() => _stage.Dispose();

    [Fact]
    public void Ten_runs_stopped_at_random_steps_with_damaged_checkpoints_end_with_the_digest_of_an_undisturbed_one()
    {
        var expected = _stage.Run(Settings, "undisturbed");
        var steps = MetricsLog.Read(Path.Combine(_stage.Adapter("undisturbed"), MetricsLog.FileName)).Count;
        var seed = Environment.TickCount;
        output.WriteLine($"seed {seed}: {steps} steps, {expected}");
        var random = new Random(seed);
        for (var trial = 0; trial < Trials; trial++)
        {
            var name = $"trial-{trial}";
            var stops = Enumerable.Range(0, random.Next(1, 4)).Select(_ => random.Next(1, steps - 1)).Order().ToArray();
            foreach (var stop in stops)
            {
                Assert.ThrowsAny<OperationCanceledException>(() => _stage.Run(Settings, name, stop));
                output.WriteLine($"{name}: stopped after step {stop}, {Damage(name, random)}");
            }
            Assert.Equal(expected, _stage.Run(Settings, name));
        }
    }

    [Fact]
    public void Going_on_says_from_which_step()
    {
        Assert.ThrowsAny<OperationCanceledException>(() => _stage.Run(Settings, "stopped", 7));

        _stage.Run(Settings, "stopped");

        Assert.Contains(_stage.Reports, report => report.Message == "Going on from the checkpoint of step 6.");
    }

    /// <summary>What a crash can leave behind: half a file, none, a folder never renamed, half a line.</summary>
    private string Damage(string name, Random random)
    {
        var folder = _stage.Checkpoints(name);
        var newest = Directory.GetDirectories(folder, "step-*").Max();
        switch (newest is null ? 0 : random.Next(5))
        {
            case 1:
                Truncate(Path.Combine(newest!, "state.safetensors"));
                return "tensors of the newest checkpoint cut in half";
            case 2:
                Truncate(Path.Combine(newest!, "state.json"));
                return "state of the newest checkpoint cut in half";
            case 3:
                Directory.Move(newest!, $"{newest}.{Guid.NewGuid():N}.tmp");
                return "the newest checkpoint never renamed";
            case 4:
                File.AppendAllText(Path.Combine(folder, MetricsLog.FileName), "{\"step\":99,\"lo");
                return "half a line of metrics";
            default:
                return "nothing damaged";
        }
    }

    private static void Truncate(string path)
    {
        using var file = File.OpenWrite(path);
        file.SetLength(file.Length / 2);
    }
}
