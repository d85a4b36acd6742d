using LoraAspire.Model;
using LoraAspire.Pipelines.Stages;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>What one optimiser step gives. The tensors are scalars on the device: read them late, since reading waits for the device.</summary>
/// <param name="MicroLosses">Each micro-batch's share of the step's loss.</param>
/// <param name="GradNorm">Global 2-norm of the gradient before clipping.</param>
public sealed record StepResult(IReadOnlyList<Tensor> MicroLosses, Tensor GradNorm, double LearningRate) : IDisposable
{
    public double[] ReadMicroLosses() => [.. MicroLosses.Select(loss => (double)loss.item<float>())];

    public double ReadGradNorm() => GradNorm.item<float>();

    public void Dispose()
    {
        GradNorm.Dispose();
        foreach (var loss in MicroLosses)
        {
            loss.Dispose();
        }
    }
}

/// <summary>Forward and backward over a step's micro-batches, then clip and AdamW.</summary>
/// <param name="accumulation">Micro-batches of a full step; an epoch's last step may have fewer.</param>
public sealed class OptimiserStep(LlamaModel model, ParameterSet parameters, AdamW optimiser, double maxGradNorm, Compat compat, int accumulation)
{
    /// <param name="seed">Of this step's dropout. Each micro-batch has its own, so a resumed run draws what an undisturbed one does.</param>
    public StepResult Run(IReadOnlyList<MicroBatch> microBatches, double learningRate, long seed)
    {
        using var scope = NewDisposeScope();
        parameters.Gradients.zero_();
        var targets = microBatches.Sum(batch => batch.Targets);
        var losses = new List<Tensor>(microBatches.Count);
        foreach (var (index, batch) in microBatches.Index())
        {
            manual_seed((seed * 1_000_003) + index);
            losses.Add(Backward(batch, Normaliser(batch, targets)));
        }
        var norm = parameters.Gradients.norm();
        if (maxGradNorm > 0)
        {
            parameters.Gradients.mul_(norm.add(1e-6).reciprocal_().mul_(maxGradNorm).clamp_(max: 1));
        }
        optimiser.Step(learningRate);
        return new StepResult(losses, norm.DetachFromDisposeScope(), learningRate);
    }

    /// <summary>
    /// Every token of the step weighs 1/N, N the step's targets. alpaca-lora (transformers ≤ 4.45) gives each micro-batch the mean over its own targets,
    /// divided by the micro-batches of a full step, so that tokens of short rows weigh more.
    /// </summary>
    private double Normaliser(MicroBatch batch, long targets) =>
        compat == Compat.AlpacaLora ? (double)batch.Targets * accumulation : targets;

    private Tensor Backward(MicroBatch batch, double normaliser)
    {
        using var scope = NewDisposeScope();
        var loss = model.SummedLoss(
            batch.InputIds.to(model.Device), batch.Labels.to(model.Device), batch.AttentionMask?.to(model.Device), training: true).div(normaliser);
        loss.backward();
        return loss.detach().DetachFromDisposeScope();
    }
}
