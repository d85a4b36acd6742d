using LoraAspire.Model.Adapters;
using LoraAspire.Model.Data;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>NEFTune's noise: what is drawn, and that both ways of training draw it.</summary>
[Collection(TorchRandom.Name)]
public sealed class EmbeddingNoiseTests
{
    [Fact]
    public void A_row_of_n_tokens_gets_noise_uniform_within_alpha_over_the_root_of_n_times_hidden()
    {
        using var scope = NewDisposeScope();
        const int Tokens = 400, Hidden = 256;
        const double Alpha = 8;
        var most = Alpha / Math.Sqrt(Tokens * Hidden); // 0.025
        EmbeddingNoise noise = new(arange(Tokens, int32),
            EmbeddingNoise.StrengthsOf(Enumerable.Repeat(Tokens, Tokens), Alpha, Hidden, CPU), Seed: 3);

        var drawn = noise.AddedTo(zeros(Tokens, Hidden));

        Assert.InRange(drawn.abs().max().item<float>(), 0.999 * most, most);
        // Of 102,400 draws the mean has a standard deviation of most / √(3 · 102,400), and the mean square one of 0.3 %.
        Assert.InRange(drawn.mean().item<float>(), -0.01 * most, 0.01 * most);
        Assert.Equal(1.0 / 3, drawn.square().mean().item<float>() / (most * most), 0.005);
        // Neighbours in a row, and in a column, have nothing to do with each other.
        Assert.InRange(Correlation(drawn.narrow(1, 0, Hidden - 1), drawn.narrow(1, 1, Hidden - 1)), -0.02, 0.02);
        Assert.InRange(Correlation(drawn.narrow(0, 0, Tokens - 1), drawn.narrow(0, 1, Tokens - 1)), -0.02, 0.02);
    }

    [Fact]
    public void The_words_are_those_that_dropout_draws()
    {
        using var scope = NewDisposeScope();
        var numbers = tensor(new[] { 0, 7, 2_000_000_000 });
        TokenDraw draw = new(11, numbers);
        var words = DrawKey.Of(11, 5).Words(numbers, 64).data<long>().ToArray();
        for (var row = 0; row < 3; row++)
        {
            for (uint threshold = 2500; threshold < 32768; threshold += 10_000)
            {
                var kept = new float[128];
                var dropout = Dropout.Of(draw, 5, threshold / 32768.0);
                dropout.Apply(Enumerable.Repeat(1f, 128).ToArray(), kept, draw.OnHost()[row]);
                for (var column = 0; column < 128; column++)
                {
                    var word = words[(row * 64) + (column / 2)];
                    Assert.Equal(((column % 2 == 0 ? word : word >> 16) & 0x7FFF) >= threshold ? 1 : 0, kept[column]);
                }
            }
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Both_ways_of_training_draw_the_same_noise_whatever_shares_the_micro_batch(bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 5);
        model.NeftuneNoiseAlpha = 5;
        using var parameters = MovedAdapters.On(model, new LoraConfig(4, 8, 0, [AdapterConfig.AllLinear]), by: 0.1, seed: 1, moves: 2);
        TrainingRow[] rows = [Row(9, 0), Row(14, 9), Row(5, 23)];
        (double Loss, Tensor Gradient) Run(bool autograd, params MicroBatch[] batches)
        {
            parameters.Gradients.zero_();
            using var objective = new Objective(model, lowMemory: recompute, autograd);
            objective.BeginStep();
            var loss = batches.Sum(batch => objective.Backward(batch, seed: 77).item<float>());
            objective.EndStep();
            return (loss, parameters.Gradients.clone());
        }

        var (expected, slope) = Run(autograd: true, new MicroBatch(rows));

        foreach (var (loss, gradient) in new[] { Run(false, new MicroBatch(rows)), Run(false, new([rows[2], rows[0]]), new([rows[1]])),
            Run(true, new MicroBatch([rows[1], rows[2], rows[0]], PaddingSide.Left)) })
        {
            Assert.Equal(expected, loss, 1e-5);
            Assert.InRange(gradient.sub(slope).abs().max().item<float>(), 0, 1e-5);
        }
        model.NeftuneNoiseAlpha = 0;
        Assert.True(Math.Abs(expected - Run(true, new MicroBatch(rows)).Loss) > 1e-3);
    }

    private static TrainingRow Row(int length, int first) =>
        new([.. Enumerable.Range(3, length)], [-100, .. Enumerable.Range(4, length - 1)], 1.0 / 25, first);

    private static float Correlation(Tensor one, Tensor other) =>
        one.mul(other).mean().item<float>() / MathF.Sqrt(one.square().mean().item<float>() * other.square().mean().item<float>());
}
