using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Adapters;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Trainer;

/// <summary>The optimiser against its formula, number by number in float64.</summary>
[Collection(Goldens.TorchRandom.Name)]
public sealed class AdamWTests(ITestOutputHelper output)
{
    private const int Steps = 20;
    private const double Rate = 1e-2, Beta1 = 0.9, Beta2 = 0.99, Epsilon = 1e-8, Decay = 0.1, MaxNorm = 0.5;

    /// <summary>
    /// Each step rounds a value of size one once or twice, by 6e-8 each, and moves it by 16e-2 with relative roundings of some 5e-7: over
    /// 20 steps 2e-6 and 1.6e-6 at most.
    /// </summary>
    private const double Tolerance = 4e-6;

    [Theory]
    [InlineData("full", null, false)]
    [InlineData("lora", null, true)]
    [InlineData("lora", 16.0, false)]
    [InlineData("lora", 16.0, true)]
    public void Twenty_steps_are_those_of_the_formula(string what, double? ratio, bool clips)
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var parameters = Parameters(model, what, ratio);
        using AdamW optimiser = new(parameters, Beta1, Beta2, Epsilon, Decay, longestPiece: 50);
        Formula formula = new(parameters, ratio);

        for (var step = 1; step <= Steps; step++)
        {
            parameters.Gradients.copy_(Gradients(parameters, step));
            var gradients = Numbers(parameters.Gradients);
            var norm = Math.Sqrt(gradients.Sum(value => value * value));
            var divisor = clips ? Math.Max(1, norm / MaxNorm) : 1;
            optimiser.Step(RateAt(step), clips ? tensor((float)divisor) : null);
            formula.Step(step, [.. gradients.Select(value => value / divisor)]);
        }

        var difference = Numbers(parameters.Values).Zip(formula.Values, (own, expected) => Math.Abs(own - expected)).Max();
        output.WriteLine($"{what}, {parameters.Groups.Count} groups: largest difference {difference:G3}");
        Assert.InRange(difference, 0, Tolerance);
        Assert.All(Numbers(optimiser.Mean).Zip(formula.Means), pair => Assert.Equal(pair.Second, pair.First, Tolerance));
        Assert.All(Numbers(optimiser.Variance).Zip(formula.Variances), pair => Assert.Equal(pair.Second, pair.First, Tolerance));
        Assert.Equal((what == "full" ? 2 : 1) * (ratio is null ? 1 : 2), parameters.Groups.Count);
    }

    [Fact]
    public void Steps_that_go_on_from_what_was_kept_end_with_the_same_bits()
    {
        using var scope = NewDisposeScope();
        using LlamaModel model = Model(), other = Model();
        using ParameterSet parameters = Parameters(model, "lora", 4), resumed = Parameters(other, "lora", 4);
        using AdamW whole = new(parameters, Beta1, Beta2, Epsilon, Decay), second = new(resumed, Beta1, Beta2, Epsilon, Decay);
        for (var step = 1; step <= Steps; step++)
        {
            if (step == 11)
            {
                using var noGrad = no_grad();
                resumed.Values.copy_(parameters.Values);
                second.Mean.copy_(whole.Mean);
                second.Variance.copy_(whole.Variance);
                second.Steps = 10;
            }
            parameters.Gradients.copy_(Gradients(parameters, step));
            resumed.Gradients.copy_(parameters.Gradients);
            whole.Step(RateAt(step));
            if (step > 10)
            {
                second.Step(RateAt(step));
            }
        }

        Assert.Equal(Numbers(parameters.Values), Numbers(resumed.Values));
        Assert.Equal(Steps, second.Steps);
    }

    [Fact]
    public void Stretches_that_are_too_long_are_cut_and_neighbours_of_a_kind_are_one()
    {
        var groups = ParameterGroup.Of([(3, 1, true), (4, 1, true), (2, 2, true), (5, 1, true), (1, 1, false)]);

        Assert.Equal([(1, true, 2), (2, true, 1), (1, false, 1)],
            groups.Select(group => (group.Rate, group.Decays, group.Stretches.Count)));
        Assert.Equal([(0, 7), (9, 5)], groups[0].Stretches);
        Assert.Equal([(0, 3), (3, 3), (6, 1), (9, 3), (12, 2)], groups[0].Pieces(3));
    }

    [Fact]
    public void What_the_operator_refuses_is_told_and_changes_nothing()
    {
        using var scope = NewDisposeScope();
        Tensor values = ones(4), moments = zeros(4);
        AdamWTensors tensors = new([values], [ones(4)], [moments], []);

        var error = Assert.Throws<ModelException>(() => tensors.Step(tensor(1f), Rate, Beta1, Beta2, Epsilon, Decay));

        Assert.Contains("aten::_fused_adamw_", error.Message, StringComparison.Ordinal);
        Assert.Equal(4, values.sum().item<float>());
    }

    private static double RateAt(int step) => Rate * step / Steps;

    private static LlamaModel Model() =>
        LlamaModel.Initialize(TinyModel.Config with { QkvBias = true }, CPU, float32, seed: 4);

    private static ParameterSet Parameters(LlamaModel model, string what, double? ratio)
    {
        if (what == "full")
        {
            return ParameterSet.OfModel(model);
        }
        model.AttachFresh(new LoraConfig(4, 8, 0, [AdapterConfig.AllLinear]), seed: 5);
        return ParameterSet.OfAdapters(model, ratio);
    }

    /// <summary>The same for a step whoever asks.</summary>
    private static Tensor Gradients(ParameterSet parameters, int step)
    {
        var random = new Random(step);
        return tensor(Enumerable.Range(0, (int)parameters.Count).Select(_ => (float)((random.NextDouble() - 0.5) / 10)).ToArray());
    }

    private static double[] Numbers(Tensor tensor) => tensor.to(float64).data<double>().ToArray();

    /// <summary>A step is a loop over plain numbers.</summary>
    private sealed class Formula
    {
        private readonly double[] _rates, _decays;

        public Formula(ParameterSet parameters, double? ratio)
        {
            Values = Numbers(parameters.Values);
            (Means, Variances) = (new double[Values.Length], new double[Values.Length]);
            double[] Each(Func<string, double> number) =>
                [.. parameters.Views().SelectMany(view => Enumerable.Repeat(number(view.Name), (int)view.Value.numel()))];
            _rates = Each(name => name.Contains("lora_B", StringComparison.Ordinal) ? ratio ?? 1 : 1);
            _decays = Each(name => name.Contains("norm", StringComparison.Ordinal) || name.EndsWith("bias", StringComparison.Ordinal) ? 0
                : Decay);
        }

        public double[] Values { get; }
        public double[] Means { get; }
        public double[] Variances { get; }

        public void Step(int step, double[] gradients)
        {
            for (var i = 0; i < Values.Length; i++)
            {
                var (g, rate) = (gradients[i], RateAt(step) * _rates[i]);
                Means[i] = (Beta1 * Means[i]) + ((1 - Beta1) * g);
                Variances[i] = (Beta2 * Variances[i]) + ((1 - Beta2) * g * g);
                var (mean, variance) = (Means[i] / (1 - Math.Pow(Beta1, step)), Variances[i] / (1 - Math.Pow(Beta2, step)));
                Values[i] = (Values[i] * (1 - (rate * _decays[i]))) - (rate * mean / (Math.Sqrt(variance) + Epsilon));
            }
        }
    }
}
