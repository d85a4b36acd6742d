using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>Copies on the host, [count] float32 each: training goes on while they are written.</summary>
internal sealed record CheckpointCopy(Tensor Parameters, Tensor Mean, Tensor Variance) : TensorGroup
{
    /// <summary>Of each of the three.</summary>
    public long Bytes => Parameters.numel() * sizeof(float);

    public static CheckpointCopy Of(ParameterSet parameters, AdamW optimiser)
    {
        using var noGrad = no_grad();
        static Tensor Copy(Tensor tensor) => tensor.detach().to(CPU, copy: true).DetachFromDisposeScope();
        return new(Copy(parameters.Values), Copy(optimiser.Mean), Copy(optimiser.Variance));
    }

    protected override IEnumerable<IDisposable?> Parts => [Parameters, Mean, Variance];
}
