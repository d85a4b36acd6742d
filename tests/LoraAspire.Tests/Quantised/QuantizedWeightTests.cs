using LoraAspire.Model;
using LoraAspire.Model.Generation.Cpu;
using LoraAspire.Model.Generation.Cpu.Loading;
using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Network.Quantised;
using static TorchSharp.torch;
using Target = LoraAspire.Model.Generation.Cpu.Matrices.Target;

namespace LoraAspire.Tests.Quantised;

/// <summary>Each number of a quantised weight against its formula in float64.</summary>
public sealed class QuantizedWeightTests
{
    /// <summary>Of a number: the products of float32 are rounded twice, those of the formulas not at all.</summary>
    private const double Rounding = 3e-7;

    [Fact]
    public void The_tables_are_the_published_ones()
    {
        Assert.Equal(NaiveNf4.Table.Select(value => (float)value), Nf4Table.Values.ToArray());
        Assert.Equal(256, DynamicMap.Values.Length);
        Assert.All(NaiveNf4.Map.Zip(DynamicMap.Values), pair => Assert.Equal(pair.First, pair.Second, 6e-8)); // float32
        // By hand: the two smallest are 10⁻⁶ · 0.55, the largest but one is 1 − 0.9 / 128.
        Assert.Equal([-5.5e-7f, 0, 5.5e-7f], DynamicMap.Values.Where(value => Math.Abs(value) < 1e-6));
        Assert.Equal(0.99296875f, DynamicMap.Values[^2], 1e-7f);
    }

    [Theory]
    [InlineData(3, 128, false)]
    [InlineData(3, 128, true)]
    [InlineData(5, 7, true)]    // an odd number of weights: half a byte and most of a block are empty
    [InlineData(70, 300, true)] // more than 256 blocks, which rows don't begin with
    public void Nf4_gives_every_weight_the_nearest_of_its_sixteen_numbers(int rows, int columns, bool twice)
    {
        var weights = Draw(rows * columns);
        weights[1] = 0;
        Array.Clear(weights, 0, Math.Min(64, weights.Length - 8)); // a block of nothing but zeros
        var expected = NaiveNf4.Of(weights, twice);
        using var weight = Quantized(weights, rows, columns, new Nf4(twice));

        AssertNear(expected.Values, Numbers(weight));
        AssertNear(expected.Values[3..^2], Read(weight, 3, (rows * columns) - 5)); // from the middle of a byte
        // 4 bits a weight; and a scale for each 64, of 32 bits or of 8 and 32 for each 256.
        var blocks = ((rows * columns) + 63) / 64;
        Assert.Equal((((rows * columns) + 1) / 2) + (twice ? blocks + (4 * ((blocks + 255) / 256)) : 4 * blocks), weight.Bytes);
    }

    [Fact]
    public void Int8_rounds_to_whole_parts_of_each_rows_largest_weight()
    {
        var weights = Draw(4 * 33);
        Array.Clear(weights, 33, 33);
        var expected = weights.Select((value, i) =>
        {
            double largest = weights.Skip(i / 33 * 33).Take(33).Max(Math.Abs);
            return largest == 0 ? 0 : Math.Round(value * 127 / largest) * largest / 127;
        }).ToArray();
        using var weight = Quantized(weights, 4, 33, new Int8());

        AssertNear(expected, Numbers(weight));
        AssertNear(expected[20..110], Read(weight, 20, 90));
        Assert.Equal((4 * 33) + (4 * 4), weight.Bytes);
    }

    [Theory]
    [InlineData(BaseFormat.Int8, 0.008)] // half a step of 1/127 of the row's largest, over the root mean square of a normal distribution
    [InlineData(BaseFormat.Nf4, 0.10)]
    public void The_error_of_normally_distributed_weights_is_small(BaseFormat format, double most)
    {
        var weights = Draw(256 * 256);
        using var weight = Quantized(weights, 256, 256, Of(format));
        var error = Math.Sqrt(weights.Zip(Numbers(weight)).Sum(pair => Math.Pow(pair.First - pair.Second, 2)) / weights.Sum(w => w * w));
        Assert.InRange(error, most / 4, most);
    }

    [Theory]
    [InlineData(BaseFormat.Int8, float.NaN)]
    [InlineData(BaseFormat.Nf4, float.PositiveInfinity)]
    public void A_weight_that_is_no_number_is_refused_by_its_name(BaseFormat format, float value)
    {
        var weights = Draw(128);
        weights[100] = value;
        var error = Assert.Throws<ModelException>(() => Quantized(weights, 2, 64, Of(format)));
        Assert.Contains("layer.weight holds values that are no numbers", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The chat's product is the one that the numbers give, bit for bit, for one row and for several.</summary>
    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void A_product_dequantises_a_few_rows_at_a_time(int bits)
    {
        if (bits > Kernels.WidestVector)
        {
            Assert.Skip($"This processor has no vectors of {bits} bits.");
        }
        const int Outputs = 21, Inputs = 75, Rows = 6;
        var weights = Draw(Outputs * Inputs);
        using var weight = Quantized(weights, Outputs, Inputs, new Nf4());
        var numbers = Numbers(weight);
        var kernels = Kernels.Of(bits);
        using var quantized = kernels.Dequantizing(weight, null);
        using RowBuffer x = new(Rows, Inputs), bias = new(1, Outputs), mine = new(Rows, Outputs), theirs = new(Rows, Outputs);
        for (var row = 0; row < Rows; row++)
        {
            Draw(Inputs).CopyTo(x.Span(row));
        }
        Draw(Outputs).CopyTo(bias.Span(0));
        using var dense = new MatrixMaker(kernels, CpuWeights.Float32).Float32(numbers, Outputs, Outputs, Inputs);

        foreach (var (matrix, to) in new[] { (quantized, mine), (dense, theirs) })
        {
            Target target = to.Target with { Bias = bias.Target.Start };
            matrix.Multiply(x, 0, Rows, 0, 8, target);
            matrix.Multiply(x, 0, 1, 8, Outputs, target);
            matrix.Multiply(x, 1, Rows - 1, 8, Outputs, target);
        }

        for (var row = 0; row < Rows; row++)
        {
            Assert.Equal(theirs.Span(row).ToArray(), mine.Span(row).ToArray());
            var expected = Enumerable.Range(0, Outputs).Select(o => (double)bias.Span(0)[o]
                + Enumerable.Range(0, Inputs).Sum(i => (double)x.Span(row)[i] * numbers[(o * Inputs) + i]));
            Assert.All(expected.Zip(mine.Span(row).ToArray()), pair => Assert.Equal(pair.First, pair.Second, 1e-5));
        }
    }

    private static PackedWeight Quantized(float[] weights, int rows, int columns, PackedQuantisation how)
    {
        var dense = tensor(weights).view(rows, columns);
        return how.Quantise(dense, "layer.weight", CPU);
    }

    private static PackedQuantisation Of(BaseFormat format) => (PackedQuantisation)Quantisation.Of(format)!;

    private static float[] Numbers(PackedWeight weight)
    {
        using var numbers = weight.Dequantise(float32);
        return numbers.data<float>().ToArray();
    }

    private static float[] Read(PackedWeight weight, int start, int count)
    {
        var numbers = new float[count];
        weight.Read(start, numbers);
        return numbers;
    }

    private static void AssertNear(double[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        var largest = expected.Max(Math.Abs);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(pair.First, pair.Second, Rounding * largest));
    }

    /// <summary>Normally distributed, the same ones each time.</summary>
    private static float[] Draw(int count)
    {
        var random = new Random(count);
        return [.. Enumerable.Range(0, count).Select(_ => (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble()))
            * Math.Cos(2 * Math.PI * random.NextDouble()) * 0.02))];
    }
}
