namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// How sure a score and a difference are: bootstrap resampling (Koehn, 2004) and approximate randomisation (Riezler and Maxwell, 2005),
/// with sacrebleu's defaults and formulas, and draws of our own (<see cref="CounterRandom"/>).
/// </summary>
public sealed class Resampling
{
    public const int UsualSamples = 1000, UsualTrials = 10_000;

    public ulong Seed { get; init; } = 12345;

    /// <summary>The mean score of resampled corpora and half the width of the interval that 95 % of them lie in.</summary>
    public ScoreInterval Confidence(SegmentStatistics statistics, int samples = UsualSamples) => Drawn(statistics, samples).Interval;

    /// <summary>
    /// Paired bootstrap: how likely resamples differ from their mean difference by more than the systems do (sacrebleu's --paired-bs). Both
    /// get the same segments in each sample.
    /// </summary>
    /// <exception cref="ArgumentException">The two aren't of the same segments and metric.</exception>
    public Comparison PairedBootstrap(SegmentStatistics baseline, SegmentStatistics system, int samples = UsualSamples)
    {
        Check(baseline, system); // before anything is drawn
        return PairedBootstrap(Drawn(baseline, samples), Drawn(system, samples));
    }

    /// <param name="baseline">Of the same segments, metric and draws as the system's.</param>
    internal static Comparison PairedBootstrap(ResampledScores baseline, ResampledScores system)
    {
        var differences = baseline.Scores.Zip(system.Scores, (one, other) => Math.Abs(other - one)).ToArray();
        var mean = differences.Average();
        return Compared(baseline.Statistics, system.Statistics, differences.Select(difference => difference - mean), system.Interval);
    }

    /// <summary>
    /// Paired approximate randomisation, two-sided: how likely systems with answers exchanged by coin differ by more (sacrebleu's
    /// --paired-ar).
    /// </summary>
    /// <inheritdoc cref="PairedBootstrap(SegmentStatistics, SegmentStatistics, int)"/>
    public Comparison PairedRandomisation(SegmentStatistics baseline, SegmentStatistics system, int trials = UsualTrials)
    {
        Check(baseline, system);
        var differences = new double[trials];
        Parallel.For(0, trials, trial =>
        {
            CounterRandom random = new(Seed, (ulong)trial);
            var (first, second) = (new double[baseline.Rows[0].Length], new double[baseline.Rows[0].Length]);
            for (var i = 0; i < baseline.Rows.Count; i++)
            {
                var (one, other) = random.Coin((ulong)i) ? (baseline.Rows[i], system.Rows[i]) : (system.Rows[i], baseline.Rows[i]);
                Add(first, one);
                Add(second, other);
            }
            differences[trial] = Math.Abs(baseline.Metric.Score(first).Value - system.Metric.Score(second).Value);
        });
        return Compared(baseline, system, differences, null);
    }

    private static Comparison Compared(SegmentStatistics baseline, SegmentStatistics system, IEnumerable<double> differences,
        ScoreInterval? interval)
    {
        var (before, after) = (baseline.Score().Value, system.Score().Value);
        var (larger, all) = (0, 0);
        foreach (var difference in differences)
        {
            larger += difference > Math.Abs(before - after) ? 1 : 0;
            all++;
        }
        return new(before, after, (larger + 1.0) / (all + 1), interval);
    }

    /// <summary>Once for all that it is compared with.</summary>
    internal ResampledScores Drawn(SegmentStatistics statistics, int samples = UsualSamples)
    {
        var scores = new double[samples];
        Parallel.For(0, samples, sample =>
        {
            CounterRandom random = new(Seed, (ulong)sample);
            var sums = new double[statistics.Rows[0].Length];
            for (var i = 0; i < statistics.Rows.Count; i++)
            {
                Add(sums, statistics.Rows[random.Below(statistics.Rows.Count, (ulong)i)]);
            }
            scores[sample] = statistics.Metric.Score(sums).Value;
        });
        return new(statistics, scores, ScoreInterval.Of(scores));
    }

    private static void Add(double[] sums, double[] row)
    {
        for (var i = 0; i < sums.Length; i++)
        {
            sums[i] += row[i];
        }
    }

    private static void Check(SegmentStatistics baseline, SegmentStatistics system)
    {
        if (baseline.Signature != system.Signature || baseline.Rows.Count != system.Rows.Count)
        {
            throw new ArgumentException(
                $"{baseline.Signature} of {baseline.Rows.Count} segments can't be compared with "
                    + $"{system.Signature} of {system.Rows.Count}.");
        }
    }
}

/// <param name="Statistics">What was resampled.</param>
/// <param name="Scores">One a sample.</param>
internal sealed record ResampledScores(SegmentStatistics Statistics, IReadOnlyList<double> Scores, ScoreInterval Interval);

/// <param name="HalfWidth">Half of what lies between the 2.5th and the 97.5th percentile.</param>
public sealed record ScoreInterval(double Mean, double HalfWidth)
{
    /// <summary>As sacrebleu prints it.</summary>
    public string Text => $"μ = {PythonText.Fixed(Mean, 2)} ± {PythonText.Fixed(HalfWidth, 2)}";

    internal static ScoreInterval Of(IReadOnlyList<double> scores)
    {
        var sorted = scores.Order().ToList();
        var cut = sorted.Count / 40;
        return new(sorted.Average(), 0.5 * (sorted[^(cut + 1)] - sorted[cut]));
    }
}

/// <param name="P">How likely a difference as large is chance.</param>
/// <param name="Interval">Of the system, from the same resamples; null where none were drawn.</param>
public sealed record Comparison(double Baseline, double System, double P, ScoreInterval? Interval);
