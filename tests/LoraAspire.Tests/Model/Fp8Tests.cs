using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>
/// A base in e4m3: rounding by hand, and, since no CPU multiplies such numbers, the whole training path with kernels that round to it and
/// compute in float32. The GPU's kernels are held to these.
/// </summary>
[Collection(TorchRandom.Name)]
public sealed class Fp8Tests(ITestOutputHelper output)
{
    private static readonly TorchKernels s_kernels = new();

    /// <summary>
    /// e4m3 has 3 bits of mantissa, exponents from 2⁻⁶ (below it steps of 2⁻⁹) to 2⁸, and 448 as its largest. A row whose largest is 448
    /// has the scale 1.
    /// </summary>
    [Theory]
    [InlineData(1.0, 1.0)]
    [InlineData(-1.0625, -1.0)] // half way between 1 and 1.125: the even mantissa
    [InlineData(1.1875, 1.25)] // half way between 1.125 and 1.25
    [InlineData(1.18, 1.125)]
    [InlineData(303, 288)] // steps of 32 up there
    [InlineData(305, 320)]
    [InlineData(431, 416)]
    [InlineData(433, 448)]
    [InlineData(0.015625, 0.015625)] // 2⁻⁶, the smallest normal number
    [InlineData(0.001953125, 0.001953125)] // 2⁻⁹, the smallest of all
    [InlineData(0.0009765625, 0)] // half of it: even is 0
    [InlineData(0.00292968750, 0.00390625)] // 1.5 steps: even is 2
    [InlineData(-0.0014, -0.001953125)]
    [InlineData(0, 0)]
    public void A_number_becomes_the_nearest_that_e4m3_has_and_of_two_the_even_one(double number, double expected)
    {
        using var scope = NewDisposeScope();
        Assert.Equal([448, (float)expected], Values(Encoded(powerOfTwo: false, 448, (float)number)));
    }

    [Theory]
    [InlineData(300, 1, 288)] // 300 / 448 is below 1, and 300 rounds to 288
    [InlineData(448, 1, 448)]
    [InlineData(450, 2, 448)] // 225 rounds to 224
    [InlineData(3.5, 0.0078125, 3.5)] // 448 · 2⁻⁷
    [InlineData(1e-20, 2.646977960169689e-23, 1.0164395367051604e-20)] // 2⁻⁷⁵ · 384
    public void A_weights_scale_is_a_power_of_two_that_keeps_its_largest_below_448(double largest, double scale, double value)
    {
        using var scope = NewDisposeScope();
        var rows = Encoded(powerOfTwo: true, (float)largest, 0);
        Assert.Equal((float)scale, rows.Scales.item<float>());
        Assert.Equal((float)value, Values(rows)[0]);
    }

    [Fact]
    public void Each_row_has_its_own_scale_and_a_row_of_zeros_stays_one()
    {
        using var scope = NewDisposeScope();
        var rows = s_kernels.Encode(tensor([1, 2, 0, 0, -896, 224], [3, 2]), null);
        Assert.Equal([1, 2, 0, 0, -896, 224], Values(rows));
        Assert.Equal([2 / 448f, 2], [rows.Scales[0, 0].item<float>(), rows.Scales[2, 0].item<float>()]);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void What_is_no_number_stays_none_so_that_the_loss_shows_it(float odd)
    {
        using var scope = NewDisposeScope();
        Assert.Equal(float.NaN, Values(Encoded(powerOfTwo: false, odd, 1))[0]);
    }

    [Fact]
    public void Columns_are_multiplied_by_their_factors_before_they_are_rounded()
    {
        using var scope = NewDisposeScope();
        var rows = s_kernels.Encode(tensor([1f, 2, 4], [1, 3]), tensor([8f, 0.5f, 112]));
        Assert.Equal([8, 1, 448], Values(rows));
    }

    /// <summary>
    /// Biases, grouped heads, adapters of some layers or of all. The reference has the weights that the codes stand for, in float32 by
    /// autograd: what is left is the rounding of activations and gradients to three bits, 2⁻⁴ of each at most and 2 % in the mean.
    /// </summary>
    [Theory]
    [InlineData("q_proj,k_proj,v_proj,o_proj", false)]
    [InlineData("all-linear", false)]
    [InlineData("down_proj", false)]
    [InlineData("all-linear", true)]
    public void The_whole_path_gives_the_loss_and_about_the_gradients_of_the_dequantised_weights(string targets, bool recompute)
    {
        using var scope = NewDisposeScope();
        var config = TinyModel.Config with { QkvBias = true, InitializerRange = 0.1 };
        using var held = LlamaModel.Initialize(config, CPU, float32, seed: 4, quantisation: new Emulated());
        using var wide = LlamaModel.Initialize(config, CPU, float32, seed: 4);
        var codes = held.Linears.ToDictionary(linear => linear.Name + ".weight", linear => linear.Quantised!);
        wide.ReplaceWeights(wide.Weights().ToDictionary(weight => weight.Name, weight =>
            (codes.TryGetValue(weight.Name, out var own) ? own.Dequantise(float32) : weight.Tensor.clone()).DetachFromDisposeScope()));
        LoraConfig lora = new(6, 16, 0, targets.Split(','), false);
        using ParameterSet heldSet = MovedAdapters.On(held, lora), wideSet = MovedAdapters.On(wide, lora);
        List<TrainingRow> rows = [.. new[] { 9, 24, 31 }.Select((length, row) => Row(length, row, config.VocabSize))];
        using var autograd = new Objective(wide, autograd: true);
        var expected = autograd.Backward(new MicroBatch(rows), seed: 0).item<float>();

        using var fused = new FusedModel(held, s_kernels, new FusedModel.Options(recompute, HeadRows: 7));
        var (loss, gradients) = FusedStep.Run(fused, heldSet, seed: 3, rows);
        using var packed = fused.Pack(rows);

        var difference = (gradients - wideSet.Gradients).norm().item<float>() / wideSet.Gradients.norm().item<float>();
        output.WriteLine($"loss {loss}, expected {expected}; gradients differ by {difference:P1} of their norm");
        Assert.Equal(expected, loss, 0.02 * expected);
        Assert.InRange(difference, 0.001, 0.15); // the rounding of seven products adds up; a factor left out would be many times that
        Assert.Equal(loss, fused.Loss(packed).item<float>(), 1e-5);
    }

    [Fact]
    public void A_layer_in_e4m3_gives_what_its_dequantised_weight_gives()
    {
        using var scope = NewDisposeScope();
        manual_seed(1);
        var weight = randn(6, 16);
        using Linear plain = new("a", weight.clone().DetachFromDisposeScope(), null);
        using Linear held = new("a", new Emulated().Quantise(weight.clone().DetachFromDisposeScope()), null);
        var x = randn(3, 16);
        var error = (held.Forward(x) - plain.Forward(x)).norm().item<float>() / plain.Forward(x).norm().item<float>();
        Assert.InRange(error, 1e-4, 0.06);
        Assert.Equal((6, 16), (held.OutFeatures, held.InFeatures));
        Assert.Throws<InvalidOperationException>(() => held.Weight);
    }

    [Fact]
    public void Without_the_hand_written_backward_a_quantised_base_is_an_error_and_no_slow_run()
    {
        using var model = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 1, quantisation: new Emulated());
        var error = Assert.Throws<ModelException>(() => new Objective(model));
        Assert.Contains("The base is held in fp8", error.Message, StringComparison.Ordinal);
        Assert.Contains("it has no adapter", error.Message, StringComparison.Ordinal);
    }

    private static Fp8Rows Encoded(bool powerOfTwo, params float[] row) => s_kernels.Encode(tensor(row, [1, row.Length]), null, powerOfTwo);

    private static float[] Values(Fp8Rows rows) => [.. rows.Codes.to_type(float32).mul(rows.Scales).reshape(-1).data<float>()];

    private static TrainingRow Row(int length, int seed, int vocabulary)
    {
        var random = new Random(seed);
        int[] ids = [.. Enumerable.Range(0, length).Select(_ => random.Next(3, vocabulary))];
        return new(ids, [.. ids.Select((id, i) => i < length / 3 ? -100 : id)], 1.0 / 42);
    }

    /// <summary>The same codes, on any device.</summary>
    private sealed class Emulated : Quantisation
    {
        public override BaseFormat Format => BaseFormat.Fp8;

        public override string? Unsupported(ModelConfig config, ScalarType dtype, torch.Device device) => null;

        internal override QuantisedWeight Quantise(Tensor weight)
        {
            var rows = s_kernels.Encode(weight, null, powerOfTwo: true);
            rows.DetachFromDisposeScope();
            weight.Dispose();
            return new Fp8Weight(rows);
        }
    }
}
