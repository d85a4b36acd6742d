using LoraAspire.Benchmarks;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Families;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Model;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Gpu;

/// <summary>What trains on a GPU beside plain LoRA on a Llama in bfloat16: each against autograd in float32 on the same weights.</summary>
[Trait("Category", "Gpu"), Collection(TorchRandom.Name)]
public sealed class FusedOptionsOnGpuTests(ITestOutputHelper output)
{
    private static readonly int[] s_lengths = [17, 130, 64, 255, 33];

    private static readonly LoraConfig s_lora = new(8, 16, 0, [AdapterConfig.AllLinear]);

    private static readonly ModelConfig s_llama = GpuModel.Config with
    {
        HiddenSize = 512,
        IntermediateSize = 1408,
        HeadDim = 64,
        InitializerRange = 0.03,
    };

    private static readonly ModelConfig s_gemma = s_llama with
    {
        HiddenAct = ActivationField.TanhForm,
        NormPlusOne = true,
        EmbeddingScale = Math.Sqrt(512),
        TieWordEmbeddings = true,
    };

    [Theory]
    [InlineData("NEFTune")]
    [InlineData("modules_to_save")]
    [InlineData("DoRA")]
    [InlineData("DoRA with biases, modules_to_save and NEFTune")]
    [InlineData("Gemma")]
    [InlineData("Gemma 2")]
    [InlineData("dynamic rope")]
    [InlineData("widths that are no multiples of 16")]
    public void In_bfloat16_each_has_about_the_gradients_of_autograd(string option)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        var (config, lora, noise) = Of(option);
        using var narrow = LlamaModel.Initialize(config, CUDA, bfloat16, seed: 4, onDevice: true);
        using var wide = GpuModel.Widened(narrow);
        (narrow.NeftuneNoiseAlpha, wide.NeftuneNoiseAlpha) = (noise, noise);
        using ParameterSet own = GpuModel.Adapted(narrow, lora), reference = GpuModel.Adapted(wide, lora);

        var loss = Backward(narrow, own, autograd: false, plain: option.StartsWith("widths", StringComparison.Ordinal));
        var expected = Backward(wide, reference, autograd: true);

        output.WriteLine($"{option}: loss {loss:F4}, in float32 {expected:F4}");
        Assert.Equal(expected, loss, KernelCase.Rounding);
        Compare(own, reference, 10 * KernelCase.Rounding); // bfloat16's rounding grows through the layers
    }

    [Theory]
    [InlineData("LoRA")]
    [InlineData("dynamic rope")]
    [InlineData("DoRA with biases, modules_to_save and NEFTune")]
    [InlineData("Gemma")]
    public void In_float32_each_has_the_gradients_of_autograd(string option)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        var (config, lora, noise) = Of(option);
        using var model = LlamaModel.Initialize(config with { SlidingWindow = [48, null, 48, null] }, CUDA, float32, seed: 4,
            onDevice: true);
        using var other = GpuModel.Widened(model);
        (model.NeftuneNoiseAlpha, other.NeftuneNoiseAlpha) = (noise, noise);
        using ParameterSet own = GpuModel.Adapted(model, lora), reference = GpuModel.Adapted(other, lora);

        var loss = Backward(model, own, autograd: false, plain: true);
        var expected = Backward(other, reference, autograd: true);

        output.WriteLine($"{option}: loss {loss:F6}, by autograd {expected:F6}");
        Assert.Equal(expected, loss, 1e-4);
        Compare(own, reference, 1e-3);
    }

    /// <summary>Both draw the same elements; by plain operators in float32.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void With_dropout_the_kernels_have_about_the_gradients_of_plain_operators(bool dora)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        var lora = s_lora with { LoraDropout = 0.1, UseDora = dora };
        using var narrow = LlamaModel.Initialize(s_llama with { QkvBias = true }, CUDA, bfloat16, seed: 4, onDevice: true);
        using var wide = GpuModel.Widened(narrow);
        using ParameterSet own = GpuModel.Adapted(narrow, lora), reference = GpuModel.Adapted(wide, lora);

        var loss = Backward(narrow, own, autograd: false, plain: false);
        var expected = Backward(wide, reference, autograd: false, plain: true);

        output.WriteLine($"loss {loss:F4}, in float32 {expected:F4}");
        Assert.Equal(expected, loss, KernelCase.Rounding);
        Compare(own, reference, 10 * KernelCase.Rounding);
    }

    /// <summary>Weights in float32, computed with copies in bfloat16; and in float32 by plain operators.</summary>
    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    public void Full_fine_tuning_has_the_gradients_of_autograd(bool wide, bool gemma)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        var config = gemma ? s_gemma : s_llama with { QkvBias = true, QkNorm = true };
        using var model = LlamaModel.Initialize(config, CUDA, float32, seed: 4, onDevice: true);
        using var other = GpuModel.Widened(model);
        using ParameterSet own = ParameterSet.OfModel(model), reference = ParameterSet.OfModel(other);

        var loss = Backward(model, own, autograd: false, type: wide ? float32 : bfloat16);
        var expected = Backward(other, reference, autograd: true);

        output.WriteLine($"loss {loss:F4}, by autograd in float32 {expected:F4}");
        Assert.Equal(expected, loss, wide ? 1e-4 : KernelCase.Rounding);
        Compare(own, reference, wide ? 1e-3 : 10 * KernelCase.Rounding);
    }

    [Fact]
    public void Noise_and_dropout_are_the_CPUs()
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        Tensor numbers = arange(1000, 1300, int32), strengths = full(300, 0.5f);
        var noise = new EmbeddingNoise(numbers, strengths, 7).AddedTo(zeros(300, 96));
        var there = new EmbeddingNoise(numbers.cuda(), strengths.cuda(), 7).AddedTo(zeros([300, 96], device: CUDA));
        Assert.True(noise.equal(there.cpu()).all().item<bool>());

        var x = randn(300, 96);
        var kept = new CpuKernels().Dropped(x, Dropout.Of(new TokenDraw(3, numbers), 4, 0.2));
        var thereToo = new PlainKernels().Dropped(x.cuda(), Dropout.Of(new TokenDraw(3, numbers.cuda()), 4, 0.2));
        Assert.True(kept.equal(thereToo.cpu()).all().item<bool>());
    }

    private static (ModelConfig Config, LoraConfig Lora, double Noise) Of(string option) => option switch
    {
        "NEFTune" => (s_llama, s_lora, 5),
        "modules_to_save" => (s_llama, s_lora with { ModulesToSave = ["embed_tokens", "lm_head"] }, 0),
        "DoRA" => (s_llama, s_lora with { UseDora = true }, 0),
        "Gemma" => (s_gemma, s_lora, 0),
        // Caps that are felt.
        "Gemma 2" => (s_gemma with
        {
            OutputNorms = true,
            AttentionScale = 0.2,
            ScoreCap = 2,
            LogitCap = 3,
            SlidingWindow = [33, null, 33, null],
        }, s_lora, 0),
        "LoRA" => (s_llama, s_lora, 0),
        // Two rows of five are beyond the context.
        "dynamic rope" => (s_llama with
        {
            MaxPositionEmbeddings = 100,
            Rope = new RopeScaling("dynamic", 3, OriginalMaxPositionEmbeddings: 100),
        }, s_lora, 0),
        _ when option.StartsWith("widths", StringComparison.Ordinal) =>
            (s_llama with { HiddenSize = 500, IntermediateSize = 1402, VocabSize = 2003 }, s_lora, 0),
        _ => (s_llama with { QkvBias = true }, s_lora with { UseDora = true, ModulesToSave = ["embed_tokens", "lm_head"] }, 5),
    };

    private static double Backward(LlamaModel model, ParameterSet parameters, bool autograd, bool plain = false, ScalarType? type = null)
    {
        var random = new Random(6);
        int[][] rows = [.. s_lengths.Select(length =>
            Enumerable.Range(0, length).Select(_ => random.Next(3, model.Config.VocabSize)).ToArray())];
        var targets = rows.Sum(row => row.Length - (int)(0.4 * row.Length));
        var first = 0;
        MicroBatch batch = new([.. rows.Select(ids => new TrainingRow(ids,
            [.. ids.Select((id, i) => i < (int)(0.4 * ids.Length) ? -100 : id)], 1.0 / targets, (first += ids.Length) - ids.Length))]);
        parameters.Gradients.zero_();
        if (!autograd && plain)
        {
            using var fused = new FusedModel(model, new PlainKernels(), new FusedModel.Options(HeadRows: 100));
            return FusedStep.Run(fused, parameters, seed: 1, batch.Rows).Loss;
        }
        using var objective = new Objective(model, autograd: autograd, wholeType: type);
        Assert.StartsWith(autograd ? "autograd" : "hand-written", objective.Path, StringComparison.Ordinal);
        objective.BeginStep();
        // Padded to a longer one a row would turn by that one's length, with dynamic rope.
        MicroBatch[] parts = autograd ? [.. batch.Rows.Select(row => new MicroBatch([row]))] : [batch];
        var loss = parts.Sum(part => (double)objective.Backward(part, 1).item<float>());
        objective.EndStep();
        return loss;
    }

    /// <summary>Of each kind of tensor by itself: one that is small isn't hidden by one that is large.</summary>
    private void Compare(ParameterSet own, ParameterSet reference, double tolerance)
    {
        foreach (var kind in own.Views().Zip(reference.Views()).GroupBy(pair => KindOf(pair.First.Name)))
        {
            var (mine, other) = (cat([.. kind.Select(pair => pair.First.Gradient.reshape(-1))]),
                cat([.. kind.Select(pair => pair.Second.Gradient.reshape(-1))]));
            var difference = (mine - other).norm().item<float>() / other.norm().item<float>();
            output.WriteLine($"{kind.Key}: {difference:E1} of the norm");
            Assert.True(difference <= tolerance, $"{kind.Key}: {difference:E1}");
        }
    }

    private static string KindOf(string name) =>
        name.Split('.').FirstOrDefault(part => part.StartsWith("lora_", StringComparison.Ordinal) || part is "embed_tokens" or "lm_head")
            ?? (name.Contains("norm", StringComparison.Ordinal) ? "norms"
                : name.EndsWith(".bias", StringComparison.Ordinal) ? "biases" : "matrices");
}
