using System.Runtime.InteropServices;

namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// Counts of n-grams of one order and the next. A gram's number stands for the number of the gram without its last item, and that item:
/// equal numbers are equal grams, whatever their length.
/// </summary>
internal sealed class GramNumbers<T> where T : notnull
{
    private readonly Dictionary<(int Start, T Last), int> _numbers = [];

    /// <summary>For each order from 1 on, how often each gram stands in a sequence.</summary>
    public Dictionary<int, int>[] Count(IReadOnlyList<T> items, int orders)
    {
        var counts = new Dictionary<int, int>[orders];
        var grams = new int[items.Count]; // the number of the gram that starts at each place
        Array.Fill(grams, -1);
        for (var n = 0; n < orders; n++)
        {
            counts[n] = [];
            for (var i = 0; i + n < items.Count; i++)
            {
                ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_numbers, (grams[i], items[i + n]), out var known);
                grams[i] = number = known ? number : _numbers.Count;
                CollectionsMarshal.GetValueRefOrAddDefault(counts[n], number, out _)++;
            }
        }
        return counts;
    }

    /// <summary>How many of the first's grams the second has too, each at most as often as it stands there.</summary>
    public static int Matches(Dictionary<int, int> first, Dictionary<int, int> second) =>
        first.Sum(gram => Math.Min(gram.Value, second.GetValueOrDefault(gram.Key)));
}
