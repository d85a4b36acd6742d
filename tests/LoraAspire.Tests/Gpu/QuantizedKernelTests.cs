using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Gpu;

/// <summary>Dequantising on a GPU against the CPU's, and training over it against autograd on the numbers.</summary>
[Trait("Category", "Gpu"), Collection(TorchRandom.Name)]
public sealed class QuantizedKernelTests(ITestOutputHelper output)
{
    [Theory]
    [InlineData(BaseFormat.Nf4, true, 512, 4096)]
    [InlineData(BaseFormat.Nf4, false, 512, 4096)]
    [InlineData(BaseFormat.Nf4, true, 33, 75)] // rows that begin within a block, and an end that is no whole step
    [InlineData(BaseFormat.Int8, false, 512, 4096)]
    [InlineData(BaseFormat.Int8, false, 33, 75)]
    public void A_weight_has_the_numbers_that_the_CPU_gives_it(BaseFormat format, bool twice, int rows, int columns)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        manual_seed(4);
        using var weight = ((PackedQuantisation)Quantisation.Of(format, twice)!).Quantise(randn(rows, columns).mul_(0.02), "weight", CPU);
        var expected = weight.Dequantise(float32);

        using var moved = weight.MovedTo(CUDA); // takes the parts over
        var wide = moved.Dequantise(float32).cpu();
        var narrow = moved.Dequantise(bfloat16).to_type(float32).cpu();
        var half = moved.Dequantise(float16).to_type(float32).cpu();

        var largest = expected.abs().max().item<float>();
        Assert.Equal(0, wide.sub(expected).abs().max().item<float>() / largest, 2e-7f); // a fused multiplication and addition rounds once
        // bfloat16 of the GPU's own float32 is that of torch, bit for bit; float16 too.
        Assert.True(narrow.equal(wide.to_type(bfloat16).to_type(float32)).all().item<bool>());
        Assert.True(half.equal(wide.to_type(float16).to_type(float32)).all().item<bool>());
    }

    [Theory]
    [InlineData(BaseFormat.Nf4, false)]
    [InlineData(BaseFormat.Nf4, true)]
    [InlineData(BaseFormat.Int8, true)]
    public void A_whole_model_has_the_loss_and_the_gradients_of_the_numbers_that_its_codes_stand_for(BaseFormat format, bool recompute)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        using var quantized = LlamaModel.Initialize(GpuModel.Config, CUDA, bfloat16, seed: 4, onDevice: true,
            quantisation: Quantisation.Of(format));
        using var numbers = LlamaModel.Initialize(GpuModel.Config, CUDA, bfloat16, seed: 4, onDevice: true);
        foreach (var (codes, linear) in quantized.Linears.Zip(numbers.Linears))
        {
            ((PackedWeight)codes.Quantised!).DequantiseInto(linear.Weight);
        }

        var (loss, gradient) = Backward(quantized, recompute);
        var (expectedLoss, expected) = Backward(numbers, recompute: false);

        var difference = (gradient - expected).norm().item<float>() / expected.norm().item<float>();
        output.WriteLine($"loss {loss:F4}, of the numbers {expectedLoss:F4}; gradients differ by {difference:E1} of their norm");
        // The same products of the same numbers: only the order in which sums are added differs.
        Assert.Equal(expectedLoss, loss, 1e-3);
        Assert.InRange(difference, 0, 1e-2);
    }

    private static (double Loss, Tensor Gradient) Backward(LlamaModel model, bool recompute)
    {
        using var parameters = GpuModel.Adapted(model, new LoraConfig(8, 16, 0, [AdapterConfig.AllLinear]));
        using var objective = new Objective(model, lowMemory: recompute);
        Assert.StartsWith("hand-written", objective.Path, StringComparison.Ordinal);
        var random = new Random(6);
        MicroBatch batch = new([.. new[] { 17, 130, 64, 255, 33 }
            .Select(length => Enumerable.Range(0, length).Select(_ => random.Next(3, model.Config.VocabSize)).ToArray())
            .Select(ids => new TrainingRow(ids, ids, 1.0 / 499))]);
        objective.BeginStep();
        var loss = objective.Backward(batch, 1).item<float>();
        objective.EndStep();
        return (loss, parameters.Gradients.clone());
    }
}
