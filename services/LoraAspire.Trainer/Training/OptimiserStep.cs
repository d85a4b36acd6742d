using LoraAspire.Model.Native;
using LoraAspire.Trainer.Ranks;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// What one optimiser step gives. Read it when the next step is given out: reading waits for the device to have done this one.
/// </summary>
/// <param name="figures">The micro-batches' losses; in float16 the gradient's scale, and whether it was too large; and the norm of the
/// gradient.</param>
public sealed class StepResult(LateFigures figures, double learningRate, bool isScaled) : IDisposable
{
    public double LearningRate => learningRate;

    /// <summary>Each micro-batch's share of the step's loss; on several devices their sum.</summary>
    public double[] ReadMicroLosses() => [.. figures.Read().SkipLast(isScaled ? 3 : 1).Select(loss => (double)loss)];

    /// <summary>Global 2-norm of the gradient before clipping.</summary>
    public double ReadGradNorm() => figures.Read()[^1];

    /// <summary>What the gradients were multiplied by while they were float16; null elsewhere.</summary>
    public double? ReadLossScale() => isScaled ? figures.Read()[^3] : null;

    /// <summary>By that scale the gradient left float16's range: nothing was changed.</summary>
    public bool ReadLeftOut() => isScaled && figures.Read()[^2] == 1;

    public void Dispose() => figures.Dispose();
}

/// <summary>
/// Forward and backward over a step's micro-batches, on several devices the sum over them all, then clip and AdamW: each device makes the
/// same update.
/// </summary>
public sealed class OptimiserStep(Objective objective, ParameterSet parameters, AdamW optimiser, double maxGradNorm,
    DeviceGroup? devices = null)
{
    private readonly DeviceGroup _devices = devices ?? DeviceGroup.Alone;

    /// <param name="seed">Of this step's dropout: a resumed run draws what an undisturbed one does.</param>
    /// <exception cref="OperationCanceledException">Between two micro-batches; no parameter has changed.</exception>
    public StepResult Run(DeviceBatches batches, double learningRate, long seed, CancellationToken cancellationToken = default)
    {
        using var scope = NewDisposeScope();
        List<Tensor> losses = [];
        _devices.Together(() =>
        {
            parameters.Gradients.zero_();
            objective.BeginStep();
            objective.Each(batches, back: true, batch => losses.Add(objective.Backward(batch, seed * MicroBatch.Most)), cancellationToken);
            objective.EndStep();
        });
        losses = _devices.Share.Count == 1 ? losses : [SumOver(losses)];
        List<Tensor> gradient = Update(learningRate);
        LateFigures figures = new([.. losses, .. gradient]);
        TensorGroup.DisposeAll(losses);
        return new StepResult(figures, learningRate, objective.Scale is not null);
    }

    /// <returns>What <see cref="StepResult"/> has of the gradient.</returns>
    private List<Tensor> Update(double learningRate)
    {
        using var noGrad = no_grad();
        var norm = parameters.Gradients.norm();
        if (objective.Scale is not { } scale)
        {
            optimiser.Step(learningRate, Clipping(norm));
            return [norm];
        }
        // What is beyond float16's range is infinite there, and no number behind it.
        var overflow = norm.isfinite().logical_not().to_type(float32);
        var before = scale.Value.clone();
        norm = norm.div(before);
        scale.Update(overflow);
        optimiser.Step(learningRate, Clipping(norm)?.mul_(before) ?? before, overflow, scale.LeftOut);
        return [before, overflow, norm];
    }

    /// <summary>What divides the gradients: the norm over the largest that is let through; a smaller gradient stays as it is.</summary>
    private Tensor? Clipping(Tensor norm) => maxGradNorm == 0 ? null
        : norm.add(1e-6.AsScalar(), Scalars.One).mul_((1 / maxGradNorm).AsScalar()).clamp_(min: 1.0.AsScalar());

    /// <summary>Gradients and loss become their sums over all devices, in one piece; the loss, a scalar.</summary>
    private Tensor SumOver(List<Tensor> losses)
    {
        using var noGrad = no_grad();
        using var place = parameters.Summed.narrow(0, parameters.Count, 1);
        place.zero_();
        foreach (var loss in losses)
        {
            place.add_(loss, Scalars.One);
            loss.Dispose();
        }
        _devices.Sum(parameters.Summed);
        return place.squeeze(0).clone().DetachFromDisposeScope();
    }
}
