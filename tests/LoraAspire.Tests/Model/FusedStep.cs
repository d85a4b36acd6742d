using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>A step of the hand-written forward and backward, without an optimiser.</summary>
internal static class FusedStep
{
    public static FusedModel Create(LlamaModel model, FusedModel.Options? options = null) =>
        FusedModel.Create(model, options ?? new(), out var why) ?? throw new InvalidOperationException(why);

    /// <param name="batches">Of which the gradients are the sums.</param>
    public static (double Loss, Tensor Gradients) Run(FusedModel fused, ParameterSet parameters, long seed,
        params IReadOnlyList<TrainingRow>[] batches)
    {
        parameters.Gradients.zero_();
        fused.BeginStep();
        double loss = 0;
        foreach (var batch in batches)
        {
            using var packed = fused.Pack(batch);
            loss += fused.Backward(packed, seed).item<float>();
        }
        fused.EndStep();
        return (loss, parameters.Gradients.clone());
    }

    /// <summary>The loss changes along the gradient by its norm, of what dropout keeps too.</summary>
    public static void AssertGradientIsSlope(FusedModel fused, ParameterSet parameters, IReadOnlyList<TrainingRow> rows)
    {
        const long Seed = 11;
        const float Size = 0.005f;
        var (_, gradients) = Run(fused, parameters, Seed, rows);
        var direction = gradients.div(gradients.norm());
        using var noGrad = no_grad();

        parameters.Values.add_(direction.mul(Size));
        var (above, _) = Run(fused, parameters, Seed, rows);
        parameters.Values.add_(direction.mul(-2 * Size));
        var (below, _) = Run(fused, parameters, Seed, rows);

        // A central difference is off by a third derivative times size², and float32 losses near 6 by 1e-6 / size.
        var expected = gradients.norm().item<float>();
        Assert.Equal(expected, (above - below) / (2 * Size), 0.01 * expected);
    }
}
