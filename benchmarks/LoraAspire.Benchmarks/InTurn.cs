namespace LoraAspire.Benchmarks;

/// <summary>
/// A measurement and its reference in turn: what slows the machine for a while slows both, and the ratio stays. Every ratio to something
/// measured on the same machine is taken so.
/// </summary>
internal sealed class InTurn
{
    private readonly List<double> _work = [], _reference = [];

    /// <summary>Of the work's figures.</summary>
    public double Work => Median(_work);

    public double Reference => Median(_reference);

    /// <summary>The work's over the reference's: times as long, or times as much a second.</summary>
    public Ratio OverReference => Of(_work.Zip(_reference, (work, reference) => work / reference));

    /// <summary>The reference's over the work's: of a floor's time and the time taken, 1 at best.</summary>
    public Ratio OfReference => Of(_work.Zip(_reference, (work, reference) => reference / work));

    public double Least => _work.Min();
    public double Most => _work.Max();
    public double LeastReference => _reference.Min();
    public double MostReference => _reference.Max();

    /// <summary>One round: what the reference gave, and what the work gave right after it or before.</summary>
    public void Add(double work, double reference)
    {
        _work.Add(work);
        _reference.Add(reference);
    }

    public static InTurn Measure(int rounds, Func<double> reference, Func<double> work)
    {
        InTurn turns = new();
        for (var round = 0; round < rounds; round++)
        {
            var before = reference();
            turns.Add(work(), before);
        }
        return turns;
    }

    /// <summary>The one in the middle; of an even number, between the two.</summary>
    public static double Median(IEnumerable<double> values)
    {
        List<double> sorted = [.. values.Order()];
        return (sorted[(sorted.Count - 1) / 2] + sorted[sorted.Count / 2]) / 2;
    }

    private static Ratio Of(IEnumerable<double> pairs)
    {
        List<double> all = [.. pairs];
        return new(Median(all), all.Min(), all.Max());
    }
}
