using System.Diagnostics;
using System.Diagnostics.Metrics;
using LoraAspire.Pipelines.Messages;
using LoraAspire.Pipelines.Stages;

namespace LoraAspire.Runtime.Hosting;

/// <summary>
/// Progress on its way to the reader, with the figures of a training told as metrics as well. In the worker, which outlives the processes
/// of the attempts, so that counts go on.
/// </summary>
public sealed class StageMeter(IProgress<StageProgress> reader, StageOrder order) : IProgress<StageProgress>
{
    public const string Name = "LoraAspire.Trainer";

    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> Steps = Meter.CreateCounter<long>("lora.trainer.steps", "{step}", "Optimiser steps done");
    private static readonly Counter<long> Tokens = Meter.CreateCounter<long>("lora.trainer.tokens", "{token}", "Real tokens trained on");
    private static readonly Gauge<double> Loss = Meter.CreateGauge<double>("lora.trainer.loss", null, "Loss of the latest step");
    private static readonly Gauge<double> SmoothedLoss =
        Meter.CreateGauge<double>("lora.trainer.smoothed_loss", null, "Exponential mean of the losses");
    private static readonly Gauge<double> EvalLoss = Meter.CreateGauge<double>("lora.trainer.eval_loss", null, "Validation loss");
    private static readonly Gauge<double> LearningRate = Meter.CreateGauge<double>("lora.trainer.learning_rate");
    private static readonly Gauge<double> GradNorm =
        Meter.CreateGauge<double>("lora.trainer.grad_norm", null, "Global norm of the gradient before clipping");
    private static readonly Gauge<double> Epoch = Meter.CreateGauge<double>("lora.trainer.epoch");
    private static readonly Gauge<double> Speed = Meter.CreateGauge<double>("lora.trainer.tokens_per_second", "{token}/s");
    private static readonly Gauge<double> StepTime = Meter.CreateGauge<double>("lora.trainer.step_time", "s", "Mean over the last steps");
    private static readonly Gauge<double> TimeLeft = Meter.CreateGauge<double>("lora.trainer.time_left", "s");
    private static readonly Gauge<double> GpuMemoryUsed = Meter.CreateGauge<double>("lora.trainer.gpu.memory_used", "By");
    private static readonly Gauge<double> GpuMemoryTotal = Meter.CreateGauge<double>("lora.trainer.gpu.memory_total", "By");
    private static readonly Gauge<double> GpuUtilization = Meter.CreateGauge<double>("lora.trainer.gpu.utilization", "%");
    private static readonly Gauge<double> GpuTemperature = Meter.CreateGauge<double>("lora.trainer.gpu.temperature", "Cel");
    private static readonly Gauge<double> GpuPower = Meter.CreateGauge<double>("lora.trainer.gpu.power", "W");

    private readonly TagList _tags = new([new("run", order.Run), new("stage", order.Stage)]);
    private (long Steps, long Tokens)? _told;

    public void Report(StageProgress value)
    {
        if (value.Training is { } training)
        {
            Tell(value, training);
        }
        reader.Report(value);
    }

    private void Tell(StageProgress value, TrainingFigures training)
    {
        // The first point of a run that goes on holds what an earlier process already told; which part, nobody knows here.
        var now = (value.Done, training.Tokens ?? 0);
        var before = _told ?? (value.Done == 1 ? (0, 0) : now);
        Steps.Add(now.Done - before.Steps, _tags);
        Tokens.Add(now.Item2 - before.Tokens, _tags);
        _told = now;
        Set(Loss, training.Loss);
        Set(SmoothedLoss, training.SmoothedLoss);
        Set(EvalLoss, training.EvalLoss);
        Set(LearningRate, training.LearningRate);
        Set(GradNorm, training.GradNorm);
        Set(Epoch, training.Epoch);
        Set(Speed, value.TokensPerSecond);
        Set(StepTime, value.Total > value.Done ? value.EtaSeconds / (value.Total - value.Done) : null);
        Set(TimeLeft, value.EtaSeconds);
        foreach (var gpu in value.Gpus)
        {
            TagList tags = value.MoreGpus is null ? _tags : [.. _tags, new("gpu", gpu.Index)];
            Set(GpuMemoryUsed, gpu.MemoryUsed, tags);
            Set(GpuMemoryTotal, gpu.MemoryTotal, tags);
            Set(GpuUtilization, gpu.Utilization, tags);
            Set(GpuTemperature, gpu.Temperature, tags);
            Set(GpuPower, gpu.PowerWatts, tags);
        }
    }

    private void Set(Gauge<double> gauge, double? value) => Set(gauge, value, _tags);

    private static void Set(Gauge<double> gauge, double? value, TagList tags)
    {
        if (value is { } known)
        {
            gauge.Record(known, tags);
        }
    }
}
