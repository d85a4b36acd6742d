using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>Copies on the host, [count] float32 each: training goes on while they are written.</summary>
/// <param name="Scale">In float16 <see cref="LossScale.State"/>.</param>
internal sealed record CheckpointCopy(Tensor Parameters, Tensor Mean, Tensor Variance, Tensor? Scale) : TensorGroup
{
    /// <summary>Of each of the first three.</summary>
    public long Bytes => Parameters.numel() * sizeof(float);

    public static CheckpointCopy Of(ParameterSet parameters, AdamW optimiser, LossScale? scale)
    {
        using var noGrad = no_grad();
        static Tensor Copy(Tensor tensor) => tensor.detach().to(CPU, copy: true).DetachFromDisposeScope();
        return new(Copy(parameters.Values), Copy(optimiser.Mean), Copy(optimiser.Variance), scale is null ? null : Copy(scale.State));
    }

    protected override IEnumerable<IDisposable?> Parts => [Parameters, Mean, Variance, Scale];
}
