using LoraAspire.Model.Network.Fused;
using LoraAspire.Trainer.Training;

namespace LoraAspire.Tests.Model;

/// <summary>A step of three rows on the hand-written backward, which it leaves in the parameters, and what autograd makes of it.</summary>
internal sealed record BothWays(double Loss, double Expected, IReadOnlyList<BothWays.Gradient> Gradients)
{
    /// <summary>Of one tensor: the largest difference, and the largest number of autograd's.</summary>
    public sealed record Gradient(string Name, double Difference, double Largest);

    public static BothWays Of(Objective fused, Objective autograd, ParameterSet parameters, IReadOnlyList<TrainingRow> rows)
    {
        var expected = autograd.Backward(new MicroBatch(rows), seed: 3).item<float>();
        var gradients = parameters.Gradients.clone();
        parameters.Gradients.zero_();
        fused.BeginStep();
        // In two parts: sums of a step.
        var loss = fused.Backward(new MicroBatch([rows[0], rows[2]]), seed: 3).item<float>()
            + fused.Backward(new MicroBatch([rows[1]]), seed: 3).item<float>();
        fused.EndStep();

        List<Gradient> compared = [];
        long offset = 0;
        foreach (var (name, value, gradient) in parameters.Views())
        {
            var reference = gradients.narrow(0, offset, value.numel()).view(value.shape);
            offset += value.numel();
            compared.Add(new(name, gradient.sub(reference).abs().max().item<float>(), reference.abs().max().item<float>()));
        }
        return new(loss, expected, compared);
    }

    /// <param name="tolerance">Of what is larger than 1 a share of it.</param>
    public void AssertAlike(double tolerance)
    {
        Assert.All(Gradients, one => Assert.True(one.Difference <= tolerance * Math.Max(1, one.Largest),
            $"{one.Name}: {one.Difference:G3} of {one.Largest:G3}"));
        Assert.Equal(Expected, Loss, tolerance * Math.Max(1, Expected));
    }
}
