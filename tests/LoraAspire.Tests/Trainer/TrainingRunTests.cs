using LoraAspire.Model.Adapters;
using LoraAspire.Model.Data;
using LoraAspire.Model.Network;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Trainer;

[Collection(Goldens.TorchRandom.Name)]
public sealed class TrainingRunTests : IDisposable
{
    private static readonly LoraConfig Lora = new(4, 8, 0.1, [AdapterConfig.AllLinear]);
    private static readonly TrainerParams Settings = new()
    {
        BatchSize = 6,
        MicroBatchSize = 2,
        NumEpochs = 3,
        LearningRate = 1e-2,
        WarmupSteps = 2,
        LoraDropout = 0.1,
        ValSetSize = 5,
        EvalSteps = 4,
        SaveSteps = 3,
        GroupByLength = true,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-trainer-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void The_loss_falls_on_rows_that_can_be_learned()
    {
        var (metrics, _) = Train(Settings with { NumEpochs = 12 }, "falls");

        Assert.True(metrics[^1].Loss < 0.7 * metrics[0].Loss, $"{metrics[0].Loss} -> {metrics[^1].Loss}");
        Assert.True(metrics.Min(step => step.EvalLoss) < metrics[0].Loss);
    }

    [Fact]
    public void A_run_stopped_at_any_step_ends_with_the_bytes_of_an_undisturbed_one()
    {
        var (undisturbed, expected) = Train(Settings, "undisturbed");
        foreach (var stop in new[] { 1, 3, 4, 7, undisturbed.Count - 1 })
        {
            var checkpoints = $"stopped-{stop}";
            Assert.Throws<OperationCanceledException>(() => Train(Settings, checkpoints, stopAfter: stop));

            var (resumed, actual) = Train(Settings, checkpoints);

            Assert.Equal(expected, actual);
            Assert.Equal(undisturbed, resumed);
        }
    }

    [Fact]
    public void A_damaged_checkpoint_costs_its_steps_and_nothing_else()
    {
        var (_, expected) = Train(Settings, "whole");
        Assert.Throws<OperationCanceledException>(() => Train(Settings, "damaged", stopAfter: 7));
        var newest = Directory.GetDirectories(Path.Combine(_folder, "damaged"), "step-*").Max()!;
        using (var file = File.OpenWrite(Path.Combine(newest, "state.safetensors")))
        {
            file.SetLength(file.Length / 2);
        }

        Assert.Equal(expected, Train(Settings, "damaged").Adapter);
    }

    [Fact]
    public void No_more_checkpoints_are_kept_than_asked_for()
    {
        Train(Settings with { SaveSteps = 1, SaveTotalLimit = 2 }, "rotated");

        Assert.Equal(2, Directory.GetDirectories(Path.Combine(_folder, "rotated"), "step-*").Length);
    }

    [Fact]
    public void Preflight_and_late_reading_change_nothing_against_a_bare_loop_of_steps()
    {
        var settings = Settings with { ValSetSize = 0, NumEpochs = 1 };
        using var scope = NewDisposeScope();
        using var model = Tiny();
        model.AttachFresh(Lora, settings.Seed);
        using var parameters = ParameterSet.OfAdapters(model);
        using var rows = Rows();
        using var objective = new Objective(model);
        using var optimiser = new AdamW(parameters, settings.AdamBeta1, settings.AdamBeta2, settings.AdamEpsilon, settings.WeightDecay);
        var step = new OptimiserStep(objective, parameters, optimiser, settings.MaxGradNorm);
        var sampler = new RowSampler([.. Enumerable.Range(0, rows.Count).Select(rows.Length)], settings.BatchSize, settings.GroupByLength,
            settings.Seed);
        var schedule = Schedule.Of(settings, sampler.StepsPerEpoch);
        List<double> losses = [];
        for (var at = 0; at < sampler.StepsPerEpoch; at++)
        {
            var drawn = sampler.Rows(at).Select(row => (rows.InputIds(row).ToArray(), rows.Labels(row).ToArray())).ToList();
            var batches = OneDevice.Batches(MicroBatch.Cut(
                MicroBatch.Weigh(drawn, settings.Compat, settings.BatchSize, settings.MicroBatchSize), objective.DefaultTokens,
                objective.Packed));
            using var result = step.Run(batches, schedule.At(at), ((long)settings.Seed << 32) + at, TestContext.Current.CancellationToken);
            losses.Add(result.ReadMicroLosses().Sum());
        }
        var output = Directory.CreateDirectory(Path.Combine(_folder, "bare")).FullName;
        using var adapter = model.Detached(Lora);
        adapter.Save(output);

        var (metrics, expected) = Train(settings, "whole-run");

        Assert.Equal(losses, metrics.Select(line => line.Loss));
        Assert.Equal(expected, File.ReadAllBytes(Path.Combine(output, Adapter.FileName)));
    }

    [Fact]
    public void The_validation_loss_of_a_step_is_that_of_the_parameters_after_its_update()
    {
        using var scope = NewDisposeScope();
        using var model = Tiny();
        model.AttachFresh(Lora, Settings.Seed);
        using var parameters = ParameterSet.OfAdapters(model);
        using var rows = Rows();
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "validated")).FullName;
        using var run = new TrainingRun(model, parameters, rows, Settings with { MaxSteps = 4, LoadBestModelAtEnd = false }, folder,
            new Progress<StageProgress>());
        run.Run(TestContext.Current.CancellationToken);

        using var objective = new Objective(model, autograd: true);
        var heldOut = run.HeldOut.Select(row => (rows.InputIds(row).ToArray(), rows.Labels(row).ToArray())).ToList();
        var expected = MicroBatch.Cut(MicroBatch.Weigh(heldOut, Compat.None, heldOut.Count, heldOut.Count), objective.DefaultTokens,
            packed: false).Sum(objective.Loss);
        Assert.Equal(expected, MetricsLog.Read(run.MetricsFile)[^1].EvalLoss!.Value, 1e-4);
    }

    [Fact]
    public void Holding_out_every_row_is_refused()
    {
        var error = Assert.Throws<StageException>(() => Train(Settings with { ValSetSize = 25 }, "refused"));
        Assert.Contains("val_set_size is 25", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_checkpoint_that_cannot_be_written_fails_the_run()
    {
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, "blocked")).FullName, "step-000003.tmp"),
            "a file where the folder should be");

        Assert.ThrowsAny<IOException>(() => Train(Settings, "blocked"));
    }

    [Fact]
    public void A_run_that_goes_wrong_keeps_nothing_of_it()
    {
        var error = Assert.Throws<StageException>(
            () => Train(Settings with
            {
                LearningRate = 1e38,
                WarmupSteps = 3,
                SaveSteps = 1,
                ValSetSize = 0,
                MaxGradNorm = 0,
                LoraDropout = 0
            }, "wrong"));

        Assert.Contains("Training can't go on from there", error.Message, StringComparison.Ordinal);
        var at = int.Parse(error.Message.Split(' ')[1].TrimEnd(':'), System.Globalization.CultureInfo.InvariantCulture);
        var kept = Directory.GetDirectories(Path.Combine(_folder, "wrong"), "step-*").Max()!;
        Assert.True(int.Parse(kept[^6..], System.Globalization.CultureInfo.InvariantCulture) < at, kept);
        Assert.Equal(at - 1, MetricsLog.Read(Path.Combine(_folder, "wrong", MetricsLog.FileName)).Count);
    }

    [Fact]
    public void Evaluations_without_a_lower_loss_stop_a_run_early_and_also_when_it_was_stopped_in_between()
    {
        // A rate of 0 never lowers the loss, so the first evaluation stays the best.
        var settings = Settings with { LearningRate = 1e-30, EvalSteps = 2, SaveSteps = 1, EarlyStoppingPatience = 3 };
        List<StageProgress> said = [];

        var (metrics, _) = Train(settings, "patient", said: said.Add);
        Assert.Throws<OperationCanceledException>(() => Train(settings, "interrupted", stopAfter: 5));
        var (resumed, _) = Train(settings, "interrupted");

        Assert.Equal(8, metrics[^1].Step);
        Assert.Equal(metrics, resumed);
        Assert.Contains(said,
            progress => progress.Message?.StartsWith("Stopped early at step 8: 3 evaluations", StringComparison.Ordinal) == true);
    }

    [Fact]
    public void The_smoothed_loss_is_the_mean_with_weights_falling_by_a_tenth()
    {
        var (metrics, _) = Train(Settings, "smooth");

        double[] weights = [1, 0.9, 0.81];
        var expected = metrics.Take(3).Reverse().Select((step, i) => step.Loss * weights[i]).Sum() / weights.Sum();
        Assert.Equal(expected, metrics[2].SmoothedLoss, 9);
    }

    [Fact]
    public void Full_fine_tuning_changes_every_weight()
    {
        using var scope = NewDisposeScope();
        using var model = Tiny();
        var before = model.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor.clone());
        using var parameters = ParameterSet.OfModel(model);
        using var rows = Rows();
        using var run = new TrainingRun(model, parameters, rows, Settings with { FinetuningType = FinetuningType.Full },
            Directory.CreateDirectory(Path.Combine(_folder, "full")).FullName, new ProgressSink());

        run.Run(CancellationToken.None);

        Assert.All(model.Weights(), weight => Assert.False(weight.Tensor.equal(before[weight.Name]).all().item<bool>(), weight.Name));
    }

    [Fact]
    public void LoRA_leaves_the_base_as_it_was()
    {
        using var scope = NewDisposeScope();
        using var model = Tiny();
        var before = model.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor.clone());
        model.AttachFresh(Lora, 1);
        using var parameters = ParameterSet.OfAdapters(model);
        using var rows = Rows();
        using var run = new TrainingRun(model, parameters, rows, Settings,
            Directory.CreateDirectory(Path.Combine(_folder, "frozen")).FullName, new ProgressSink());

        run.Run(CancellationToken.None);

        Assert.All(model.Weights(), weight => Assert.True(weight.Tensor.equal(before[weight.Name]).all().item<bool>(), weight.Name));
    }

    private (IReadOnlyList<StepMetrics> Metrics, byte[] Adapter) Train(TrainerParams settings, string checkpoints, int? stopAfter = null,
        Action<StageProgress>? said = null)
    {
        using var scope = NewDisposeScope();
        using var stop = new CancellationTokenSource();
        using var model = Tiny();
        model.AttachFresh(Lora, settings.Seed);
        using var parameters = ParameterSet.OfAdapters(model);
        using var rows = Rows();
        var folder = Directory.CreateDirectory(Path.Combine(_folder, checkpoints)).FullName;
        using var run = new TrainingRun(model, parameters, rows, settings, folder, new ProgressSink(progress =>
        {
            said?.Invoke(progress);
            if (progress.Done == stopAfter)
            {
                stop.Cancel();
            }
        }));
        run.Run(stop.Token);
        var output = Directory.CreateDirectory(Path.Combine(folder, "out")).FullName;
        using var adapter = model.Detached(Lora);
        adapter.Save(output);
        return (MetricsLog.Read(run.MetricsFile), File.ReadAllBytes(Path.Combine(output, Adapter.FileName)));
    }

    /// <summary>25 rows in which each token is the one before it plus one: learnable, of unequal length.</summary>
    private InstructionDataset Rows()
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "rows")).FullName;
        if (!File.Exists(Path.Combine(folder, InstructionDataset.FileName)))
        {
            using var writer = new InstructionDatasetWriter(folder);
            for (var row = 0; row < 25; row++)
            {
                var ids = Enumerable.Range(row % 7, 5 + (row % 4)).Select(id => id + 3).ToArray();
                writer.Add(ids, [.. ids.Select((id, i) => i < 2 ? InstructionDataset.NoLoss : id)], "counting", row);
            }
            writer.Complete();
        }
        return InstructionDataset.Open(folder);
    }

    private static LlamaModel Tiny() => LlamaModel.Initialize(new ModelConfig
    {
        ModelType = "llama",
        VocabSize = 32,
        HiddenSize = 16,
        IntermediateSize = 32,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 1,
        HeadDim = 8,
        MaxPositionEmbeddings = 32,
        RmsNormEps = 1e-5,
        RopeTheta = 10_000,
        Rope = new RopeScaling("default"),
        TieWordEmbeddings = true,
        InitializerRange = 0.3,
        QkvBias = false,
        OutputBias = false,
        QkNorm = false,
        SlidingWindow = [null, null],
    }, CPU, float32, seed: 5);
}
