using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>What GPUs compute by that <see cref="CudaKernels"/> aren't for; its operators are the same on the CPU.</summary>
[Collection(TorchRandom.Name)]
public sealed class PlainKernelsTests(ITestOutputHelper output)
{
    /// <summary>Float32 rounding of sums.</summary>
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData(false, null)]
    [InlineData(true, null)]
    [InlineData(false, 6)]
    public void Loss_and_gradients_with_dropout_are_those_of_the_CPUs_kernels(bool dora, int? window)
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(Config(window), CPU, float32, seed: 4);
        using var parameters = Adapted(model, dora, dropout: 0.3);

        var (expected, gradients) = Backward(model, new CpuKernels(), parameters);
        var (loss, own) = Backward(model, new PlainKernels(), parameters);

        Assert.Equal(expected, loss, Tolerance);
        Assert.InRange(own.sub(gradients).abs().max().item<float>(), 0, Tolerance * Math.Max(1, gradients.abs().max().item<float>()));
    }

    [Fact]
    public void In_bfloat16_they_are_near_to_those_in_float32()
    {
        using var scope = NewDisposeScope();
        using var narrow = LlamaModel.Initialize(Config(null), CPU, bfloat16, seed: 4);
        using var wide = LlamaModel.Initialize(Config(null), CPU, float32, seed: 4);
        wide.ReplaceWeights(narrow.Weights().ToDictionary(weight => weight.Name,
            weight => weight.Tensor.to_type(float32).DetachFromDisposeScope()));
        using ParameterSet parameters = Adapted(narrow, dora: true, dropout: 0.3), reference = Adapted(wide, dora: true, dropout: 0.3);

        var (loss, own) = Backward(narrow, new PlainKernels(), parameters);
        var (expected, gradients) = Backward(wide, new CpuKernels(), reference);

        var difference = own.sub(gradients).norm().item<float>() / gradients.norm().item<float>();
        output.WriteLine($"loss {loss:F4}, in float32 {expected:F4}; gradients differ by {difference:E1} of their norm");
        Assert.Equal(expected, loss, 0.02 * expected);
        Assert.InRange(difference, 1e-4, 0.05); // 2⁻⁸ of each product, over two layers
    }

    [Theory]
    [InlineData(80, true, null)]
    [InlineData(75, true, "compute capability 7.5")]
    [InlineData(80, false, "bfloat16 only")]
    public void They_take_the_place_of_faster_ones_where_these_compute_something_else(int capability, bool narrow, string? words)
    {
        var config = Config(null) with { HiddenSize = 64, IntermediateSize = 128, VocabSize = 64, HeadDim = 32 };
        var type = narrow ? bfloat16 : float32;

        Assert.Null(FusedModel.Unsupported(config, type, capability));
        var why = CudaKernels.Unsupported(config, type, capability);
        Assert.Equal(words is null, why is null);
        Assert.Contains(words ?? "", why ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public void Odd_widths_have_autograd_alone() =>
        Assert.Equal("its widths are odd", FusedModel.Unsupported(Config(null) with { IntermediateSize = 25 }, bfloat16, 90));

    private static ModelConfig Config(int? window) => TinyModel.Config with
    {
        QkvBias = true,
        SlidingWindow = [window, null],
        InitializerRange = 0.1,
    };

    private static ParameterSet Adapted(LlamaModel model, bool dora, double dropout) =>
        MovedAdapters.On(model, new LoraConfig(4, 8, dropout, [AdapterConfig.AllLinear])
        {
            UseDora = dora,
            ModulesToSave = ["embed_tokens", "lm_head"],
        });

    private static (double Loss, Tensor Gradients) Backward(LlamaModel model, Kernels kernels, ParameterSet parameters)
    {
        using var fused = new FusedModel(model, kernels, new FusedModel.Options(HeadRows: 7));
        return FusedStep.Run(fused, parameters, seed: 11, RandomRows.Of(model.Config.VocabSize, 9, 17, 31));
    }
}
