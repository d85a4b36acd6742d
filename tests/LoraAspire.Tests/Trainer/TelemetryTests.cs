using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using LoraAspire.Machine.Gpu;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Hosting;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Trainer;

[Collection(Goldens.TorchRandom.Name)]
public sealed class TelemetryTests
{
    private static readonly TrainerParams Settings = new() { BatchSize = 8, NumEpochs = 1, ValSetSize = 6, WarmupSteps = 0, LoraR = 2 };

    [Fact]
    public void A_run_is_told_as_metrics_of_its_own_meter()
    {
        ConcurrentBag<(string Name, double Value)> told = [];
        using var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "LoraAspire.Trainer")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Keep(instrument, value, tags));
        listener.Start();
        void Keep(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
        {
            Assert.Contains(new("stage", "tune"), tags.ToArray());
            told.Add((instrument.Name, value));
        }

        using var stage = new TrainerStageRun();
        stage.Run(Settings, "metered");
        var meter = new StageMeter(new Progress<StageProgress>(), new StageOrder("run", DateTimeOffset.UtcNow, "tune", 1)
        {
            Pipeline = "test",
            Kind = "trainer",
            Key = "",
            With = default,
            Inputs = new Dictionary<string, InputArtifact>(),
            DataFiles = new Dictionary<string, string>(),
        });
        stage.Reports.ForEach(meter.Report);

        var metrics = MetricsLog.Read(Path.Combine(stage.Adapter("metered"), MetricsLog.FileName));
        double[] Told(string name) => [.. told.Where(point => point.Name == "lora.trainer." + name).Select(point => point.Value).Order()];
        Assert.Equal(metrics.Select(step => step.Loss).Order(), Told("loss"));
        Assert.Equal(metrics.Select(step => step.GradNorm!.Value).Order(), Told("grad_norm"));
        Assert.Equal(metrics.Select(step => step.LearningRate).Order(), Told("learning_rate"));
        Assert.Equal(metrics[^1].EvalLoss, Told("eval_loss").Single());
        Assert.Equal(metrics.Count, Told("steps").Sum());
        Assert.Equal(metrics[^1].Tokens, Told("tokens").Sum());
        Assert.All(Told("tokens_per_second"), speed => Assert.True(speed > 0));
        Assert.Equal(metrics.Count - 1, Told("step_time").Length);
        Assert.All(Told("step_time"), seconds => Assert.InRange(seconds, 0, 60));
        Assert.Equal(stage.Reports.Any(report => report.Gpu?.MemoryUsed is not null), Told("gpu.memory_used").Length > 0);
    }

    [Fact]
    public void A_machine_without_NVIDIA_driver_is_told_so_and_one_with_it_gives_figures()
    {
        if (Gpus.Open(out var why) is { } gpus)
        {
            Assert.All(gpus.Read(), gpu => Assert.InRange(gpu.MemoryUsed!.Value, 0, gpu.MemoryTotal!.Value));
        }
        else
        {
            Assert.Contains("driver", why, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_line_of_progress_has_what_gpustat_shows()
    {
        var gpu = new GpuFigures(0, "NVIDIA H100 80GB HBM3")
        {
            MemoryUsed = 46_278_901_760,
            MemoryTotal = 85_520_809_984,
            Utilization = 98,
            Temperature = 61,
            PowerWatts = 654.6,
            PowerLimitWatts = 700,
        };

        Assert.EndsWith("GPU 43.1 / 79.6 GiB · 98 % · 61 °C · 655 / 700 W", ProgressText.Of(new StageProgress("step", 1, 2) { Gpu = gpu }),
            StringComparison.Ordinal);
        Assert.EndsWith("GPU 98 %", ProgressText.Of(new StageProgress("step", 1,
            2)
        { Gpu = gpu with { MemoryUsed = null, Temperature = null, PowerWatts = null } }), StringComparison.Ordinal);
    }
}
