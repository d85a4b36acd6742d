using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Trainer;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>Full fine-tuning on the hand-written backward, against autograd.</summary>
[Trait("Category", "Goldens"), Collection(TorchRandom.Name)]
public sealed class WholeModelTests(ITestOutputHelper output)
{
    /// <summary>Float32 rounding of sums; relative, since embeddings have larger gradients than matrices.</summary>
    private const double Tolerance = 1e-5;

    public static TheoryData<string, bool> Models =>
        [.. from name in GoldenFolder.Names("models", holding: "golden.json") from recompute in new[] { false, true } select (name,
            recompute)];

    [Theory, MemberData(nameof(Models))]
    public void Every_weight_has_the_gradient_that_autograd_gives(string name, bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = Golden.Load(GoldenFolder.At(name));
        using var parameters = ParameterSet.OfModel(model);
        var rows = RandomRows.Of(model.Config.VocabSize, 5, 23, 40);
        using Objective autograd = new(model, autograd: true), fused = new(model, lowMemory: recompute);
        Assert.StartsWith("hand-written", fused.Path, StringComparison.Ordinal);

        var both = BothWays.Of(fused, autograd, parameters, rows);

        both.AssertAlike(Tolerance);
        output.WriteLine($"{name}: {both.Gradients.Max(one => one.Difference):G3}");
        Assert.True(both.Gradients.Max(one => one.Largest) > 1e-3);
        Assert.Equal(both.Loss, fused.Loss(new MicroBatch(rows)), Tolerance * Math.Max(1, both.Expected));
    }

    /// <summary>With one key head under its norm, whose gradient is read where it lies between others.</summary>
    [Fact]
    public void Each_step_computes_with_the_weights_that_the_one_before_left()
    {
        using var scope = NewDisposeScope();
        double[] Losses(bool autograd)
        {
            using var model = LlamaModel.Initialize(TinyModel.Config with { QkvBias = true, QkNorm = true }, CPU, float32, seed: 2);
            using var parameters = ParameterSet.OfModel(model);
            using Objective objective = new(model, autograd: autograd);
            using AdamW optimiser = new(parameters, 0.9, 0.999, 1e-8, weightDecay: 0);
            OptimiserStep step = new(objective, parameters, optimiser, maxGradNorm: 1);
            return [.. Enumerable.Range(0, 8).Select(number =>
            {
                using var result = step.Run(OneDevice.Batches([new MicroBatch(RandomRows.Of(32, 9, 17))]), 1e-2, number);
                return result.ReadMicroLosses().Single();
            })];
        }
        var (own, expected) = (Losses(autograd: false), Losses(autograd: true));

        output.WriteLine(string.Join(" ", own));
        Assert.All(own.Zip(expected), pair => Assert.Equal(pair.Second, pair.First, 1e-3));
        Assert.True(own[^1] < 0.9 * own[0]);
    }

    /// <summary>As on a GPU: weights in float32, computed with copies in bfloat16.</summary>
    [Fact]
    public void Copies_in_bfloat16_give_about_the_gradients_of_float32()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(TinyModel.Config with { InitializerRange = 0.1 }, CPU, float32, seed: 2);
        using var parameters = ParameterSet.OfModel(model);
        var rows = RandomRows.Of(32, 9, 17, 31);
        using Objective exact = new(model);
        exact.BeginStep();
        var expected = exact.Backward(new MicroBatch(rows), seed: 1).item<float>();
        exact.EndStep();
        var gradients = parameters.Gradients.clone();

        WholeModel whole = new(model, bfloat16);
        using FusedModel fused = new(whole.Copy, new PlainKernels(), new FusedModel.Options(), whole);
        var (loss, own) = FusedStep.Run(fused, parameters, seed: 1, rows);

        var difference = own.sub(gradients).norm().item<float>() / gradients.norm().item<float>();
        output.WriteLine($"loss {loss:F4}, in float32 {expected:F4}; gradients differ by {difference:E1} of their norm");
        Assert.Equal(expected, loss, 0.02 * expected);
        Assert.InRange(difference, 1e-4, 0.05);
    }
}
