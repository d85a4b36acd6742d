namespace LoraAspire.Benchmarks;

/// <summary>Of two measurements taken in turn: the median of the pairs' ratios, and their spread.</summary>
internal sealed record Ratio(double Median, double Least, double Most);
