using LoraAspire.Benchmarks;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Gpu;

/// <summary>
/// The kernels that are compiled at run time for the GPU at hand. Without one these tests are skipped: <c>./build.sh gpu-tests</c> runs
/// them alone.
/// </summary>
[Trait("Category", "Gpu"), Collection(TorchRandom.Name)]
public sealed class CudaKernelTests(ITestOutputHelper output)
{
    [Fact]
    public void Each_kernel_gives_what_the_plain_operators_give()
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        Kernels fast = new CudaKernels(), plain = new TorchKernels();

        Assert.All(KernelCase.All(plain), one =>
        {
            var difference = one.Difference(fast, plain);
            output.WriteLine($"{one.Name}: {difference:E1}");
            Assert.True(difference <= one.Tolerance, $"{one.Name}: {difference:E1}");
        });
    }

    /// <summary>
    /// Grouped heads, rows of uneven and of one length, rows that begin alike; the reference is autograd in float32 on the same weights.
    /// </summary>
    /// <param name="alike">Tokens that all rows begin with.</param>
    [Theory]
    [InlineData(null, 8, 0, 17, 130, 64, 255, 33)]
    [InlineData(48, 8, 0, 17, 130, 64, 255, 33)]
    [InlineData(null, 40, 0, 17, 130, 64, 255, 33)]
    [InlineData(null, 8, 0, 512, 512)]
    [InlineData(null, 8, 0, 320, 320, 320)]
    [InlineData(null, 8, 60, 160, 255, 333, 171)]
    [InlineData(48, 8, 60, 160, 255, 333, 171)]
    [InlineData(null, 8, 60, 512, 512)]
    public void A_whole_model_has_the_loss_and_the_gradients_of_autograd(int? window, int rank, int alike, params int[] lengths)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        var config = GpuModel.Config with { SlidingWindow = [.. Enumerable.Repeat(window, 4)] };
        using var narrow = LlamaModel.Initialize(config, CUDA, bfloat16, seed: 4, onDevice: true);
        using var wide = GpuModel.Widened(narrow);

        var (loss, gradient) = Backward(narrow, rank, alike, lengths, autograd: false);
        var (expectedLoss, expected) = Backward(wide, rank, alike, lengths, autograd: true);

        var difference = (gradient - expected).norm().item<float>() / expected.norm().item<float>();
        output.WriteLine($"loss {loss:F4}, in float32 {expectedLoss:F4}; gradients differ by {difference:E1} of their norm");
        Assert.Equal(expectedLoss, loss, KernelCase.Rounding);
        Assert.InRange(difference, 0, 10 * KernelCase.Rounding); // bfloat16's rounding grows through the layers
    }

    private static (double Loss, Tensor Gradient) Backward(LlamaModel model, int rank, int alike, int[] lengths, bool autograd)
    {
        using var parameters = GpuModel.Adapted(model, new LoraConfig(rank, 16, 0, [AdapterConfig.AllLinear]));
        using var objective = new Objective(model, autograd: autograd);
        Assert.StartsWith(autograd ? "autograd" : "hand-written", objective.Path, StringComparison.Ordinal);
        var random = new Random(6);
        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(3, model.Config.VocabSize))];
        var head = Ids(alike);
        int[][] rows = [.. lengths.Select(length => (int[])[.. head, .. Ids(length - alike)])];
        var targets = rows.Sum(row => row.Length - (int)(0.4 * row.Length));
        MicroBatch batch = new(objective.Marked([.. rows.Select(
            ids => new TrainingRow(ids, [.. ids.Select((id, i) => i < (int)(0.4 * ids.Length) ? -100 : id)], 1.0 / targets))]));
        Assert.Equal(autograd || alike == 0 ? batch.RealTokens : batch.RealTokens - ((rows.Length - 1) * alike), batch.Tokens);
        objective.BeginStep();
        var loss = objective.Backward(batch, 1).item<float>();
        objective.EndStep();
        return (loss, parameters.Gradients.clone());
    }
}
