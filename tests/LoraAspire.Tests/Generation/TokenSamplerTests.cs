using LoraAspire.Model;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Generation.Constraints;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Generation;

public sealed class TokenSamplerTests
{
    private static readonly float[] Logits = [MathF.Log(0.5f), MathF.Log(0.3f), MathF.Log(0.15f), MathF.Log(0.05f)];

    [Fact]
    public void Zero_temperature_takes_the_largest_logit() =>
        Assert.Equal(2, Greedy([0.1f, 0.2f, 0.9f, 0.3f]));

    [Fact]
    public void Of_two_equal_logits_the_first_wins() =>
        Assert.Equal(1, Greedy([0.1f, 0.9f, 0.9f]));

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
    public void Min_p_leaves_out_what_is_less_probable_than_its_share_of_the_best()
    {
        var shares = Shares(new() { Temperature = 1, MinP = 0.31, Seed = 1 });

        Assert.Equal([0.625, 0.375, 0, 0], shares, (expected, share) => Math.Abs(expected - share) < 0.02);
    }

    [Fact]
    public void Penalties_and_biases_change_logits_as_their_formulas_say()
    {
        // prompt 0, answer 1 1: repetition divides positive and multiplies negative logits of both; the other two weigh the answer alone.
        GenerationOptions options = new()
        {
            Temperature = 0,
            RepetitionPenalty = 2,
            FrequencyPenalty = 0.25,
            PresencePenalty = 0.125,
            LogitBias = new Dictionary<int, double> { [2] = -0.5, [99] = 1 },
            Constraint = () => new Seen(logits => Assert.Equal([1f, -2.625f, 1f, 0.75f], logits.ToArray())),
        };
        TokenSampler sampler = new(options, seed: 1, choice: 0, [0]);
        sampler.Accept(1);
        sampler.Accept(1);
        float[] logits = [2, -1, 1.5f, 0.75f];

        Assert.Equal(0, sampler.Next(logits, 2, new()));

        Assert.Equal([2, -1, 1.5f, 0.75f], logits);
    }

    [Fact]
    public void A_constraint_that_leaves_nothing_is_told_in_words()
    {
        TokenSampler sampler = new(new() { Constraint = () => new Seen(logits => logits.Fill(float.NegativeInfinity)) }, seed: 1);

        Assert.Contains("No token may come next", Assert.Throws<ModelException>(() => sampler.Next(Logits, 0, new())).Message);
    }

    [Fact]
    public void What_the_partial_selection_keeps_is_what_a_sort_keeps()
    {
        Random random = new(5);
        SamplingBuffers buffers = new();
        for (var round = 0; round < 200; round++)
        {
            var logits = Enumerable.Range(0, 300).Select(_ => (float)Math.Round(random.NextDouble() * 6, 1)).ToArray(); // many are equal
            var (k, p) = (random.Next(1, 300), random.NextDouble());
            var sorted = logits.Select((logit, id) => (Weight: MathF.Exp(logit - logits.Max()), Id: id))
                .OrderByDescending(one => one.Weight).ThenBy(one => one.Id).Take(k).ToList();
            double goal = p * sorted.Sum(one => (double)one.Weight), reached = 0;
            var kept = sorted.TakeWhile(one => (reached += one.Weight) - one.Weight < goal - 1e-9).OrderBy(one => one.Id).ToList();
            var at = random.NextDouble();
            double left = at * kept.Sum(one => (double)one.Weight);
            var expected = kept.First(one => (left -= one.Weight) < 1e-9).Id;

            var best = Array.IndexOf(logits, logits.Max());
            Assert.Equal(expected, WeightedDraw.Next(logits, best, new(1, k, p, 0, at), buffers));
        }
    }

    [Fact]
    public void Log_probabilities_are_those_of_the_raw_logits_best_first()
    {
        var told = Logprobs.Of(2, Logits, 3, LoraAspire.Model.Tokenizers.HfTokenizer.Load(GoldenFolder.Pebble));

        Assert.Equal(Math.Log(0.15), told.Logprob, 1e-6);
        Assert.Equal([0, 1, 2], told.Top.Select(one => one.Id));
        Assert.Equal([Math.Log(0.5), Math.Log(0.3), Math.Log(0.15)], told.Top.Select(one => one.Logprob), (x, y) => Math.Abs(x - y) < 1e-6);
    }

    [Fact]
    public void A_draw_depends_on_seed_choice_and_place_alone()
    {
        int[] Draws(ulong seed, int choice) => [.. Enumerable.Range(0, 50)
            .Select(place => new TokenSampler(new() { Temperature = 1 }, seed, choice).Next(Logits, place, new()))];

        Assert.Equal(Draws(7, 0), Draws(7, 0));
        Assert.NotEqual(Draws(7, 0), Draws(8, 0));
        Assert.NotEqual(Draws(7, 0), Draws(7, 1));
    }

    private static int Greedy(float[] logits) => new TokenSampler(GenerationOptions.Greedy(1), seed: 1).Next(logits, 0, new());

    private static double[] Shares(GenerationOptions options)
    {
        const int draws = 20_000;
        TokenSampler sampler = new(options, seed: 1);
        SamplingBuffers buffers = new();
        var counts = new double[Logits.Length];
        for (var i = 0; i < draws; i++)
        {
            counts[sampler.Next(Logits, i, buffers)] += 1.0 / draws;
        }
        return counts;
    }

    private delegate void Look(Span<float> logits);

    private sealed class Seen(Look look) : TokenConstraint
    {
        public override bool IsComplete => false;

        public override void Accept(int id)
        {
        }

        public override void Mask(Span<float> logits) => look(logits);
    }
}
