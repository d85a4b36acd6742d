namespace LoraAspire.Benchmarks;

/// <summary>What several rounds of a measurement gave.</summary>
internal static class Rounds
{
    public static double Median(IReadOnlyCollection<double> values) => values.Order().ElementAt(values.Count / 2);
}
