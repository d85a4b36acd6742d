using LoraAspire.Benchmarks;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Model;
using LoraAspire.Tests.Trainer;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Gpu;

/// <summary>compute_type float16, as cards without bfloat16 are asked for it; by libtorch's operators on every card.</summary>
[Trait("Category", "Gpu"), Collection(TorchRandom.Name)]
public sealed class Float16OnGpuTests(ITestOutputHelper output)
{
    private static readonly ModelConfig s_config = GpuModel.Config with
    {
        HiddenSize = 512,
        IntermediateSize = 1408,
        HeadDim = 64,
        InitializerRange = 0.03,
        QkvBias = true,
        SlidingWindow = [48, null, 48, null],
    };

    [Theory]
    [InlineData("LoRA")]
    [InlineData("DoRA")]
    [InlineData("all weights")]
    public void Gradients_are_near_to_those_in_float32(string what)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        using var narrow = LlamaModel.Initialize(s_config, CUDA, what == "all weights" ? float32 : float16, seed: 4, onDevice: true);
        using var wide = GpuModel.Widened(narrow);
        using ParameterSet own = Parameters(narrow, what), reference = Parameters(wide, what);
        using Objective objective = new(narrow, wholeType: float16), exact = new(wide, wholeType: float32);
        Assert.Equal(float16, objective.Dtype);

        var (loss, gradients) = Backward(objective, own);
        var (expected, others) = Backward(exact, reference);

        var difference = gradients.div(LossScale.First).sub(others).norm().item<float>() / others.norm().item<float>();
        output.WriteLine($"{what}: loss {loss:F5}, in float32 {expected:F5}; gradients differ by {difference:E1} of their norm");
        Assert.Equal(expected, loss, KernelCase.Rounding);
        Assert.InRange(difference, 0, 2 * KernelCase.Rounding); // eight times finer than bfloat16
    }

    /// <summary>The fused optimiser leaves a step out on the device, by itself.</summary>
    [Fact]
    public void Steps_follow_those_in_float32_and_one_that_is_too_large_changes_nothing()
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        using var narrow = LlamaModel.Initialize(s_config, CUDA, float16, seed: 4, onDevice: true);
        using var wide = GpuModel.Widened(narrow);
        using ParameterSet own = Parameters(narrow, "LoRA"), reference = Parameters(wide, "LoRA");
        using Objective objective = new(narrow), exact = new(wide);
        using AdamW optimiser = new(own, 0.9, 0.999, 1e-8, 0.01), other = new(reference, 0.9, 0.999, 1e-8, 0.01);
        OptimiserStep step = new(objective, own, optimiser, maxGradNorm: 1), expected = new(exact, reference, other, 1);
        var before = own.Values.clone();

        StepResult Run(OptimiserStep one, long number, double weight = 1) =>
            one.Run(OneDevice.Batches([Batch(weight)]), 1e-3, number, TestContext.Current.CancellationToken);
        using (var lost = Run(step, 1, weight: 1e6))
        {
            Assert.True(lost.ReadLeftOut());
        }
        Assert.Equal(0, own.Values.sub(before).abs().max().item<float>());
        for (var number = 2; number < 22; number++)
        {
            using var result = Run(step, number);
            using var there = Run(expected, number);
            var (loss, otherLoss) = (result.ReadMicroLosses().Single(), there.ReadMicroLosses().Single());
            output.WriteLine($"{number}: {loss:F4} {otherLoss:F4}, norm {result.ReadGradNorm():F4} {there.ReadGradNorm():F4}");
            Assert.False(result.ReadLeftOut());
            Assert.Equal(otherLoss, loss, KernelCase.Rounding);
        }
        Assert.Equal([32768f, 20f, 1f], objective.Scale!.State.cpu().data<float>().ToArray());
    }

    private static ParameterSet Parameters(LlamaModel model, string what) => what == "all weights" ? ParameterSet.OfModel(model)
        : GpuModel.Adapted(model, new LoraConfig(8, 16, 0, [AdapterConfig.AllLinear]) { UseDora = what == "DoRA" });

    private static MicroBatch Batch(double weight = 1) => new([.. RandomRows.Of(s_config.VocabSize, 17, 130, 64, 255, 33)
        .Select(row => row with { Weight = row.Weight * weight })]);

    private static (double Loss, Tensor Gradients) Backward(Objective objective, ParameterSet parameters)
    {
        parameters.Gradients.zero_();
        objective.BeginStep();
        var loss = objective.Backward(Batch(), seed: 3).item<float>();
        objective.EndStep();
        return (loss, parameters.Gradients.clone());
    }
}
