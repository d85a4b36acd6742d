using LoraAspire.Model;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Tests.Adapters;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Native;

/// <summary>What libtorch says when it fails, through the interface that gives a code alone.</summary>
public sealed class NativeErrorTests
{
    [Fact]
    public void A_wrong_shape_is_told_in_libtorchs_words_and_is_not_out_of_memory()
    {
        using var scope = NewDisposeScope();

        var error = Assert.Throws<ModelException>(() => Aten.Call("aten::mm", 1, ones(2, 3), ones(2, 3)));

        Assert.Contains("libtorch could not run aten::mm: ", error.Message);
        Assert.Contains("2x3", error.Message);
        Assert.DoesNotContain("frame #", error.Message);
        Assert.False(OutOfMemory.Is(error));
    }

    [Fact]
    public void An_operator_that_asks_for_more_than_any_machine_has_is_out_of_memory()
    {
        using var scope = NewDisposeScope();
        var million = ones(1 << 20);

        Assert.True(OutOfMemory.Is(Assert.Throws<ModelException>(() => Aten.Call("aten::kron", 1, million, million))));
    }

    [Fact]
    public void An_operator_that_does_not_exist_is_told_and_what_comes_after_runs()
    {
        using var scope = NewDisposeScope();

        Assert.False(OutOfMemory.Is(Assert.Throws<ModelException>(() => Aten.Call("aten::mmm", 1, ones(2, 2), ones(2, 2)))));
        Assert.Equal(8, Aten.Call("aten::mm", 1, ones(2, 2), ones(2, 2))[0].sum().item<float>());
    }

    [Theory]
    [InlineData(75, "compute capability 7.5")]
    [InlineData(61, "compute capability 6.1")]
    [InlineData(80, null)]
    [InlineData(90, null)]
    public void A_GPU_older_than_Ampere_is_told_by_its_capability(int capability, string? words)
    {
        var config = TinyModel.Config with { HiddenSize = 64, IntermediateSize = 128, VocabSize = 64, HeadDim = 32 };

        var why = CudaKernels.Unsupported(config, bfloat16, capability);

        Assert.Equal(words is null, why is null);
        Assert.Contains(words ?? "", why ?? "");
    }

    [Fact]
    public void Where_there_is_no_GPU_arithmetic_is_float32() => Assert.Equal(float32, CudaDevice.UsualType(CPU));
}
