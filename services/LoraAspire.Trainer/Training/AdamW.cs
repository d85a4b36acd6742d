using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// AdamW (Loshchilov and Hutter 2019), decoupled weight decay, in one pass over the values, by libtorch's own operator:
/// m ← β₁m + (1−β₁)g, v ← β₂v + (1−β₂)g², θ ← θ(1−lr·λ) − lr · (m/(1−β₁ᵗ)) / (√(v/(1−β₂ᵗ)) + ε), lr times the group's rate. Norms
/// and biases don't decay.
/// </summary>
public sealed class AdamW : IDisposable
{
    /// <summary>A GPU's kernels count within a tensor by 32 bits.</summary>
    private const long LongestPiece = 1 << 28;

    private readonly double _beta1, _beta2, _epsilon, _weightDecay;
    private readonly List<(ParameterGroup Group, AdamWTensors Tensors)> _parts;
    private readonly Tensor _count; // [] float32: steps, on the device

    /// <param name="longestPiece">Values that are computed as one tensor.</param>
    public AdamW(ParameterSet parameters, double beta1, double beta2, double epsilon, double weightDecay,
        long longestPiece = LongestPiece)
    {
        (_beta1, _beta2, _epsilon, _weightDecay) = (beta1, beta2, epsilon, weightDecay);
        Mean = zeros_like(parameters.Values).DetachFromDisposeScope();
        Variance = zeros_like(parameters.Values).DetachFromDisposeScope();
        _count = zeros([], float32, parameters.Values.device).DetachFromDisposeScope();
        _parts = [.. parameters.Groups.Select(group =>
        {
            var pieces = group.Pieces(longestPiece).ToList();
            Tensor[] Of(Tensor vector) =>
                [.. pieces.Select(piece => vector.narrow(0, piece.Start, piece.Length).DetachFromDisposeScope())];
            return (group, new AdamWTensors(Of(parameters.Values), Of(parameters.Gradients), Of(Mean), Of(Variance)));
        })];
    }

    /// <summary>First and second moment, [count] float32.</summary>
    public Tensor Mean { get; }
    public Tensor Variance { get; }

    /// <summary>Steps done, those among them that were left out.</summary>
    public int Steps { get; set; }

    /// <param name="divisor">[] float32: what the gradients are divided by on the way; null is 1.</param>
    /// <param name="leftOut">[] float32: where it is 1 the step changes nothing; null is 0.</param>
    /// <param name="allLeftOut">[] float32: how many did until now, this one among them.</param>
    public void Step(double learningRate, Tensor? divisor = null, Tensor? leftOut = null, Tensor? allLeftOut = null)
    {
        using var noGrad = no_grad();
        Steps++;
        _count.fill_(((double)Steps).AsScalar());
        if (allLeftOut is not null)
        {
            _count.add_(allLeftOut, Scalars.MinusOne);
        }
        foreach (var (group, tensors) in _parts)
        {
            tensors.Step(_count, learningRate * group.Rate, _beta1, _beta2, _epsilon, group.Decays ? _weightDecay : 0, divisor,
                leftOut);
        }
    }

    public void Dispose() => TensorGroup.DisposeAll([.. _parts.Select(part => part.Tensors), Mean, Variance, _count]);
}
