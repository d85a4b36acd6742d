using LoraAspire.DataBuild.Records;

namespace LoraAspire.DataBuild.Sources;

/// <summary>Which records of a stream go on, and how often. What is dropped already goes on once, to be counted.</summary>
internal static class Sampling
{
    public static IEnumerable<SourceRecord> Repeated(this IEnumerable<SourceRecord> records, int times) =>
        times == 1 ? records : records.SelectMany(record => Enumerable.Repeat(record, record.Dropped is null ? times : 1));

    /// <summary>
    /// <paramref name="rows"/> of <paramref name="available"/> records in their own order: each as often as goes into it whole, and the
    /// rest by Knuth's selection sampling (The Art of Computer Programming 3.4.2, algorithm S), which keeps none of them in memory.
    /// </summary>
    public static IEnumerable<SourceRecord> Drawn(this IEnumerable<SourceRecord> records, long available, long rows, int seed)
    {
        Random random = new(seed);
        var (whole, missing) = available == 0 ? (0, 0) : ((int)(rows / available), rows % available);
        foreach (var record in records)
        {
            var times = 1;
            if (record.Dropped is null)
            {
                var chosen = random.NextInt64(available--) < missing;
                missing -= chosen ? 1 : 0;
                times = whole + (chosen ? 1 : 0);
            }
            for (var time = 0; time < times; time++)
            {
                yield return record;
            }
        }
    }

    /// <summary>
    /// A draw of rows by the seed, in their own order; memory holds the sample. All of them when there are fewer. What is dropped comes
    /// first, to be counted.
    /// </summary>
    /// <param name="fewer">Told how many there are, when there are fewer.</param>
    public static IEnumerable<SourceRecord> Sampled(this IEnumerable<SourceRecord> records, int count, int seed, Action<int> fewer)
    {
        Reservoir<(int At, SourceRecord Record)> drawn = new(count, new(seed));
        foreach (var record in records)
        {
            if (record.Dropped is not null)
            {
                yield return record;
                continue;
            }
            drawn.Offer((drawn.Seen, record));
        }
        if (drawn.Seen < count)
        {
            fewer(drawn.Seen);
        }
        foreach (var (_, record) in drawn.Items.OrderBy(item => item.At))
        {
            yield return record;
        }
    }
}
