namespace LoraAspire.Benchmarks;

/// <summary>Of two measurements taken in turn: the median of the pairs' ratios, and their spread.</summary>
internal sealed record Ratio(double Median, double Least, double Most)
{
    /// <summary>With so many digits behind the point.</summary>
    public Ratio Rounded(int digits = 3) => new(Math.Round(Median, digits), Math.Round(Least, digits), Math.Round(Most, digits));

    public override string ToString() => FormattableString.Invariant($"{Median:0.000} ({Least:0.000} to {Most:0.000})");
}
