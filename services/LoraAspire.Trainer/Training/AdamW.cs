using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019), decoupled weight decay, on one flat vector:
/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← θ(1−lr·λ) − lr · (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε), lr times each value's rate factor. Norms
/// and biases don't decay.
/// </summary>
public sealed class AdamW(ParameterSet parameters, double beta1, double beta2, double epsilon, double weightDecay) : IDisposable
{
    /// <summary>First and second moment, [count] float32.</summary>
    public Tensor Mean { get; } = zeros_like(parameters.Values).DetachFromDisposeScope();
    public Tensor Variance { get; } = zeros_like(parameters.Values).DetachFromDisposeScope();

    /// <summary>Steps done.</summary>
    public int Steps { get; set; }

    public void Step(double learningRate)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Steps++;
        var gradients = parameters.Gradients;
        Mean.mul_(beta1.AsScalar()).add_(gradients, (1 - beta1).AsScalar());
        Variance.mul_(beta2.AsScalar()).addcmul_(gradients, gradients, (1 - beta2).AsScalar());
        var denominator = Variance.sqrt().div_(Math.Sqrt(1 - Math.Pow(beta2, Steps)).AsScalar()).add_(epsilon.AsScalar(), Scalars.One);
        var factors = parameters.RateFactors;
        if (weightDecay != 0)
        {
            foreach (var (start, length) in parameters.Decaying)
            {
                var values = parameters.Values.narrow(0, start, length);
                _ = factors is null ? values.mul_((1 - (learningRate * weightDecay)).AsScalar())
                    : values.mul_(
                        factors.narrow(0, start, length).mul((-learningRate * weightDecay).AsScalar()).add_(1.0.AsScalar(), Scalars.One));
            }
        }
        parameters.Values.addcdiv_(factors is null ? Mean : Mean.mul(factors), denominator,
            (-learningRate / (1 - Math.Pow(beta1, Steps))).AsScalar());
    }

    public void Dispose()
    {
        Mean.Dispose();
        Variance.Dispose();
    }
}
