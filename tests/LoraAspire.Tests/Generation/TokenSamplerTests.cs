using LoraAspire.Model.Generation;

namespace LoraAspire.Tests.Generation;

public sealed class TokenSamplerTests
{
    private static readonly float[] Logits = [MathF.Log(0.5f), MathF.Log(0.3f), MathF.Log(0.15f), MathF.Log(0.05f)];

    [Fact]
    public void Zero_temperature_takes_the_largest_logit() =>
        Assert.Equal(2, new TokenSampler(GenerationOptions.Greedy(1)).Next([0.1f, 0.2f, 0.9f, 0.3f], []));

    [Fact]
    public void Of_two_equal_logits_the_first_wins() =>
        Assert.Equal(1, new TokenSampler(GenerationOptions.Greedy(1)).Next([0.1f, 0.9f, 0.9f], []));

    [Fact]
    public void Frequencies_follow_the_probabilities()
    {
        var shares = Shares(new() { Temperature = 1, Seed = 1 });

        Assert.Equal([0.5, 0.3, 0.15, 0.05], shares, (expected, share) => Math.Abs(expected - share) < 0.02);
    }

    [Fact]
    public void Half_the_temperature_squares_the_probabilities()
    {
        // 0.25 : 0.09 : 0.0225 : 0.0025, sum 0.365
        var shares = Shares(new() { Temperature = 0.5, Seed = 1 });

        Assert.Equal([0.6849, 0.2466, 0.0616, 0.0068], shares, (expected, share) => Math.Abs(expected - share) < 0.02);
    }

    [Fact]
    public void Top_k_keeps_the_k_most_probable_in_their_proportion()
    {
        var shares = Shares(new() { Temperature = 1, TopK = 2, Seed = 1 });

        Assert.Equal([0.625, 0.375, 0, 0], shares, (expected, share) => Math.Abs(expected - share) < 0.02);
    }

    [Theory]
    [InlineData(0.79, 2)]
    [InlineData(0.81, 3)]
    [InlineData(0.01, 1)]
    public void Top_p_keeps_the_fewest_tokens_that_reach_it(double topP, int kept) =>
        Assert.Equal(kept, Shares(new() { Temperature = 1, TopP = topP, Seed = 1 }).Count(share => share > 0));

    [Fact]
    public void The_repetition_penalty_divides_positive_and_multiplies_negative_logits()
    {
        float[] logits = [2, -1, 1.5f];

        var next = new TokenSampler(new() { Temperature = 0, RepetitionPenalty = 2 }).Next(logits, [0, 1]);

        Assert.Equal([1f, -2f, 1.5f], logits);
        Assert.Equal(2, next);
    }

    [Fact]
    public void Equal_seeds_draw_equal_tokens()
    {
        var draws = new[] { 7, 7, 8 }.Select(seed =>
        {
            var sampler = new TokenSampler(new() { Temperature = 1, Seed = seed });
            return Enumerable.Range(0, 50).Select(_ => sampler.Next(Logits.ToArray(), [])).ToArray();
        }).ToList();

        Assert.Equal(draws[0], draws[1]);
        Assert.NotEqual(draws[0], draws[2]);
    }

    private static double[] Shares(GenerationOptions options)
    {
        const int draws = 20_000;
        var sampler = new TokenSampler(options);
        var counts = new double[Logits.Length];
        for (var i = 0; i < draws; i++)
        {
            counts[sampler.Next(Logits.ToArray(), [])] += 1.0 / draws;
        }
        return counts;
    }
}
