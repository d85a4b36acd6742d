using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// What one optimiser step gives. The tensors are scalars on the device: read them late, since reading waits for the device.
/// </summary>
/// <param name="MicroLosses">Each micro-batch's share of the step's loss.</param>
/// <param name="GradNorm">Global 2-norm of the gradient before clipping.</param>
public sealed record StepResult(IReadOnlyList<Tensor> MicroLosses, Tensor GradNorm, double LearningRate) : TensorGroup
{
    public double[] ReadMicroLosses() => [.. MicroLosses.Select(loss => (double)loss.ReadSingle())];

    public double ReadGradNorm() => GradNorm.ReadSingle();

    protected override IEnumerable<IDisposable?> Parts => [GradNorm, .. MicroLosses];
}

/// <summary>Forward and backward over a step's micro-batches, then clip and AdamW.</summary>
public sealed class OptimiserStep(Objective objective, ParameterSet parameters, AdamW optimiser, double maxGradNorm)
{
    /// <param name="seed">Of this step's dropout. Each micro-batch has its own, so a resumed run draws what an undisturbed one
    /// does.</param>
    /// <exception cref="OperationCanceledException">Between two micro-batches; no parameter has changed.</exception>
    public StepResult Run(IReadOnlyList<MicroBatch> microBatches, double learningRate, long seed,
        CancellationToken cancellationToken = default)
    {
        using var scope = NewDisposeScope();
        parameters.Gradients.zero_();
        objective.BeginStep();
        var losses = microBatches.Select((batch, index) =>
        {
            cancellationToken.ThrowIfCancellationRequested();
            return objective.Backward(batch, (seed * 1_000_003) + index);
        }).ToList();
        objective.EndStep();
        var norm = parameters.Gradients.norm();
        if (maxGradNorm > 0)
        {
            parameters.Gradients.mul_(
                norm.add(1e-6.AsScalar(), Scalars.One).reciprocal_().mul_(maxGradNorm.AsScalar()).clamp_(max: 1.0.AsScalar()));
        }
        optimiser.Step(learningRate);
        return new StepResult(losses, norm.DetachFromDisposeScope(), learningRate);
    }
}
