using System.Runtime.InteropServices;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Native;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>Weights that change on their way into a file, a few rows at a time.</summary>
public sealed class ChangedBytesTests
{
    public ChangedBytesTests() => LibTorch.Load();

    [Fact]
    public void Rounding_to_bfloat16_by_vectors_is_that_of_one_number()
    {
        float[] numbers = [.. Enumerable.Range(0, 4096).Select(i => BitConverter.UInt32BitsToSingle((uint)i * 1_048_583)),
            0, -0f, 1.00390625f, 1.01171875f, float.MaxValue, float.Epsilon, float.PositiveInfinity, float.NegativeInfinity, float.NaN,
            BitConverter.UInt32BitsToSingle(0x7F800001), BitConverter.UInt32BitsToSingle(0xFFFFFFFF)];
        var found = new ushort[numbers.Length];

        TensorRows.Narrow(ScalarType.BFloat16, numbers, MemoryMarshal.AsBytes(found.AsSpan()));

        Assert.Equal(numbers.Select(Quantization.ToBFloat16), found);
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.Float16)]
    [InlineData(ScalarType.Float64)]
    public void Numbers_come_back_from_every_type_that_holds_them(ScalarType type)
    {
        float[] numbers = [0, 1, -2.5f, 0.125f, 1024, -0.0009765625f, 3, 7, 9];
        var (narrow, back) = (new byte[numbers.Length * ElementTypes.Size(type)], new float[numbers.Length]);

        TensorRows.Narrow(type, numbers, narrow);
        TensorRows.Widen(type, narrow, back);

        Assert.Equal(numbers, back);
    }

    /// <summary>3,000 columns are more than are added up at once; 64 ranks, more than one.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void An_adapter_in_rows_is_the_formula_in_float64_rounded_once(bool dora)
    {
        using var scope = NewDisposeScope();
        var config = new LoraConfig(64, 32, 0, ["q"]) { UseDora = dora };
        Tensor weight = randn(7, 3000).to_type(bfloat16), a = randn(64, 3000) * 0.1, b = randn(7, 64) * 0.1, lengths = rand(7) + 0.5;
        var own = LayerAdapter.Of(config, "q", dora ? [a, b, lengths] : [a, b]);
        using ChangedBytes changed = new(TensorBytes.Of(weight.clone()), ScalarType.BFloat16, ScalarType.Float32, 3000,
            (first, rows, width) => own.Kind.Merge(own, first, rows, width));
        var found = new float[7 * 3000];

        // Three rows, then four.
        changed.Read(MemoryMarshal.AsBytes(found.AsSpan(0, 9000)), 0);
        changed.Read(MemoryMarshal.AsBytes(found.AsSpan(9000)), 9000 * sizeof(float));

        var expected = weight.to_type(float64) + b.to_type(float64).mm(a.to_type(float64)) * 0.5;
        expected = dora ? expected * (lengths.to_type(float64) / expected.norm(1)).unsqueeze(1) : expected;
        // 64 products of about 0.01 in float32, and the sum with numbers below 8.
        Assert.InRange((expected - tensor(found).view(7, 3000)).abs().max().item<double>(), 0, 2e-6);
    }
}
