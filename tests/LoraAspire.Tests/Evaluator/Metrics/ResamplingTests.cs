using LoraAspire.Evaluator.Metrics;

namespace LoraAspire.Tests.Evaluator.Metrics;

public sealed class ResamplingTests
{
    private static readonly Resampling s_resampling = new();

    [Fact]
    public void Equal_segments_have_an_interval_without_width()
    {
        var statistics = Answers(100, right: _ => true);

        Assert.Equal("μ = 100.00 ± 0.00", s_resampling.Confidence(statistics).Text);
    }

    /// <summary>A share of 60 in 100 has the standard error 4.9 points; 95 % lie within 1.96 of them.</summary>
    [Fact]
    public void The_interval_is_that_of_a_share()
    {
        var interval = s_resampling.Confidence(Answers(100, right: i => i < 60));

        Assert.InRange(interval.Mean, 59.5, 60.5);
        Assert.InRange(interval.HalfWidth, 8.6, 10.6);
    }

    [Fact]
    public void A_seed_gives_the_same_draw_each_time_and_another_seed_another()
    {
        var statistics = Answers(100, right: i => i < 60);

        Assert.Equal(s_resampling.Confidence(statistics), s_resampling.Confidence(statistics));
        Assert.NotEqual(s_resampling.Confidence(statistics), new Resampling { Seed = 1 }.Confidence(statistics));
    }

    [Fact]
    public void A_large_difference_is_significant_and_none_is_not()
    {
        var (before, after) = (Answers(100, right: i => i < 40), Answers(100, right: i => i < 70));

        Assert.True(s_resampling.PairedBootstrap(before, after).P < 0.01);
        Assert.True(s_resampling.PairedRandomisation(before, after).P < 0.01);
        Assert.True(s_resampling.PairedBootstrap(before, Answers(100, right: i => i is > 0 and < 42)).P > 0.05);
    }

    /// <summary>
    /// One answer of two differs: exchanged or not, the difference is 50 points and never more, so that no trial counts: 1 / (n + 1).
    /// Two that cancel out: in half the trials the difference is larger than 0.
    /// </summary>
    [Fact]
    public void Randomisation_counts_differences_that_are_larger()
    {
        Assert.Equal(1.0 / 1001, s_resampling.PairedRandomisation(Answers(2, i => i == 0), Answers(2, _ => true), trials: 1000).P, 1e-12);
        Assert.InRange(s_resampling.PairedRandomisation(Answers(2, i => i == 0), Answers(2, i => i == 1), trials: 4000).P, 0.46, 0.54);
    }

    [Fact]
    public void Corpora_of_other_segments_or_metrics_are_not_compared()
    {
        var words = Answers(2, _ => true);

        Assert.Throws<ArgumentException>(() => s_resampling.PairedBootstrap(words, Answers(3, _ => true)));
        Assert.Throws<ArgumentException>(() => s_resampling.PairedRandomisation(words, new ChrF().Segments(["a", "b"], [["a"], ["b"]])));
    }

    private static SegmentStatistics Answers(int count, Func<int, bool> right) => new ExactMatch().Segments(
        [.. Enumerable.Range(0, count).Select(i => right(i) ? "yes" : "no")],
        [.. Enumerable.Repeat<IReadOnlyList<string>>(["yes"], count)]);
}
