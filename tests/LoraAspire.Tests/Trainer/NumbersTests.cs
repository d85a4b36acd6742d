using LoraAspire.Model.Adapters;
using LoraAspire.Model.Data;
using LoraAspire.Model.Network;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Adapters;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Trainer;

/// <summary>Numbers that a run must not go on with, and options that must not change what comes of it.</summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class NumbersTests : IDisposable
{
    private static readonly TrainerParams Settings = new()
    {
        BatchSize = 4,
        MicroBatchSize = 4,
        NumEpochs = 1,
        LearningRate = 1e-2,
        WarmupSteps = 0,
        LoraR = 4,
        LoraDropout = 0,
        ValSetSize = 4,
        EvalSteps = 1,
        SaveSteps = 1
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-numbers-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>After one step at a rate of 3·10^37 what the adapter adds is infinite; that step's own loss was still a number.</summary>
    [Fact]
    public void A_validation_loss_that_is_no_number_fails_in_words_and_nothing_of_it_is_kept()
    {
        var error =
            Assert.Throws<StageException>(() => Train(Settings with { LearningRate = 3e37, MaxGradNorm = 0, LoraAlpha = 8e5 }, "nan"));

        Assert.Contains("The validation loss is NaN", error.Message);
        Assert.Contains("learning_rate", error.Message);
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder, "nan"), "step-*"));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(_folder, "nan"), "best-*"));
    }

    [Fact]
    public void A_validation_loss_is_that_of_the_weights_after_the_step()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 5);
        model.AttachFresh(new LoraConfig(4, 8, 0, [AdapterConfig.AllLinear]), Settings.Seed);
        using var parameters = ParameterSet.OfAdapters(model);
        using var rows = Rows();
        var folder = Directory.CreateDirectory(Path.Combine(_folder, "after")).FullName;
        using var run = new TrainingRun(model, parameters, rows, Settings with { LoadBestModelAtEnd = false }, folder, new Sink(null));
        run.Run(CancellationToken.None);
        var told = MetricsLog.Read(run.MetricsFile)[^1].EvalLoss!.Value;

        double sum = 0, targets = 0;
        using var noGrad = no_grad();
        foreach (var row in run.HeldOut)
        {
            var labels = rows.Labels(row).ToArray().Select(label => (long)label).ToArray();
            sum += model.SummedLoss(tensor(rows.InputIds(row).ToArray().Select(id => (long)id).ToArray()).unsqueeze(0),
                tensor(labels).unsqueeze(0), null, training: false).item<float>();
            targets += labels.Skip(1).Count(label => label != InstructionDataset.NoLoss);
        }
        Assert.Equal(sum / targets, told, 1e-5);
    }

    [Fact]
    public void How_often_it_is_told_and_kept_changes_no_byte_of_the_adapter_and_none_of_the_metrics()
    {
        List<int> often = [], seldom = [];
        var (adapter, metrics) = Train(Settings, "often", often.Add);
        var (same, sameMetrics) =
            Train(Settings with { LoggingSteps = 7, SaveSteps = 3, SaveTotalLimit = 1, EvalSteps = 1 }, "seldom", seldom.Add);

        Assert.Equal(adapter, same);
        Assert.Equal(metrics, sameMetrics);
        var (_, each) = Train(Settings with { LoggingSteps = 3, EvalSteps = 100 }, "each", seldom.Add);
        Assert.Equal([1, 2, 3, 4], MetricsLog.Read(Path.Combine(_folder, "each", MetricsLog.FileName)).Select(line => line.Step));
        Assert.Equal([3, 4], seldom[^2..]);
    }

    [Fact]
    public void Epochs_beyond_all_counting_are_refused_in_words() =>
        Assert.Contains("more than can be counted", Assert.Throws<StageException>(() =>
        {
            using var rows = Rows(copies: 90_000);
            _ = new TrainingRows(rows, Settings with { NumEpochs = 100_000 });
        }).Message);

    private (byte[] Adapter, byte[] Metrics) Train(TrainerParams settings, string name, Action<int>? told = null)
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 5);
        LoraConfig lora = new(settings.LoraR, settings.LoraAlpha, settings.LoraDropout, [AdapterConfig.AllLinear]);
        model.AttachFresh(lora, settings.Seed);
        using var parameters = ParameterSet.OfAdapters(model);
        using var rows = Rows();
        var folder = Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;
        using var run = new TrainingRun(model, parameters, rows, settings, folder, new Sink(told));
        run.Run(CancellationToken.None);
        var output = Directory.CreateDirectory(Path.Combine(folder, "out")).FullName;
        using var adapter = model.Detached(lora);
        adapter.Save(output);
        return (File.ReadAllBytes(Path.Combine(output, Adapter.FileName)), File.ReadAllBytes(run.MetricsFile));
    }

    private InstructionDataset Rows(int copies = 20)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, $"rows-{copies}")).FullName;
        if (!File.Exists(Path.Combine(folder, InstructionDataset.FileName)))
        {
            using var writer = new InstructionDatasetWriter(folder);
            for (var row = 0; row < copies; row++)
            {
                writer.Add([3, 4 + (row % 5), 6, 7], [InstructionDataset.NoLoss, InstructionDataset.NoLoss, 6, 7], "made", row);
            }
            writer.Complete();
        }
        return InstructionDataset.Open(folder);
    }

    private sealed class Sink(Action<int>? told) : IProgress<StageProgress>
    {
        public void Report(StageProgress value)
        {
            if (value.Phase == "step")
            {
                told?.Invoke((int)value.Done);
            }
        }
    }
}
