namespace LoraAspire.Model.Devices;

/// <summary>One of the devices that share a training: its rank, counted from 0, of so many.</summary>
public readonly record struct Share(int Rank, int Count)
{
    /// <summary>The only one.</summary>
    public static Share Whole => new(0, 1);

    /// <summary>
    /// Deals items out, the heaviest first, each to the share that has least: the sums come out nearly equal. A share may stay empty. The
    /// same for everyone who asks.
    /// </summary>
    public static IReadOnlyList<IReadOnlyList<T>> Deal<T>(IEnumerable<T> items, int shares, Func<T, long> weight)
    {
        var dealt = Enumerable.Range(0, shares).Select(_ => new List<T>()).ToArray();
        var sums = new long[shares];
        foreach (var item in items.OrderByDescending(weight))
        {
            var emptiest = Array.IndexOf(sums, sums.Min());
            dealt[emptiest].Add(item);
            sums[emptiest] += weight(item);
        }
        return dealt;
    }
}
