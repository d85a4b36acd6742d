namespace LoraAspire.Benchmarks;

/// <summary>What several rounds of a measurement gave.</summary>
internal static class Rounds
{
    public static double Median(IReadOnlyCollection<double> values) => values.Order().ElementAt(values.Count / 2);

    /// <summary>
    /// Each measurement over the one taken beside it: what slows the machine for a while slows both, and the ratio stays.
    /// </summary>
    public static Ratio Over(this IReadOnlyCollection<double> ours, IReadOnlyCollection<double> theirs)
    {
        List<double> pairs = [.. ours.Zip(theirs, (a, b) => a / b)];
        return new(Median(pairs), pairs.Min(), pairs.Max());
    }
}
