using LoraAspire.Pipelines.Stages;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

[Collection(Goldens.TorchRandom.Name)]
public sealed class ResumeTests(ITestOutputHelper output) : IDisposable
{
    private const int Trials = 10;

    private static readonly TrainerParams Settings = TrainerStageRun.Settings with { SaveTotalLimit = 2, GroupByLength = true };

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

        // Step 8 was under way when step 7 was told.
        Assert.Contains(_stage.Reports,
            report => report.Message == "Stopped at step 8, saved: the same pipeline, submitted again, goes on from there.");
        Assert.Contains(_stage.Reports, report => report.Phase == StageProgress.Saving);
        Assert.Contains(_stage.Reports, report => report.Message == "Resuming from the checkpoint of step 8.");
    }

    [Fact]
    public void A_run_that_stops_where_no_checkpoint_can_be_written_says_how_many_steps_are_lost()
    {
        Directory.CreateDirectory(_stage.Checkpoints("stopped"));
        File.WriteAllText(Path.Combine(_stage.Checkpoints("stopped"), "step-000008.tmp"), "in the way");

        Assert.ThrowsAny<OperationCanceledException>(() => _stage.Run(Settings, "stopped", 7));

        var last = _stage.Reports[^1].Message!;
        Assert.StartsWith("Stopped at step 8: ", last, StringComparison.Ordinal);
        Assert.EndsWith("so 2 steps are lost. The checkpoint of step 6 is kept.", last, StringComparison.Ordinal);
    }

    [Fact]
    public void A_run_that_is_stopped_before_its_first_step_says_so()
    {
        Assert.ThrowsAny<OperationCanceledException>(() => _stage.Run(Settings, "stopped", 0));

        Assert.Equal("Stopped before the first step was done.", _stage.Reports[^1].Message);
    }

    [Fact]
    public void A_run_that_goes_on_and_is_stopped_while_the_base_is_hashed_names_its_checkpoint()
    {
        Assert.ThrowsAny<OperationCanceledException>(() => _stage.Run(Settings, "stopped", 7));
        Assert.ThrowsAny<OperationCanceledException>(() => _stage.Run(Settings, "stopped", 0));

        Assert.Equal("Stopped at step 8, saved: the same pipeline, submitted again, goes on from there.", _stage.Reports[^1].Message);
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
