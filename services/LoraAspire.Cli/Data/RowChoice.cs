using LoraAspire.Model.Data;

namespace LoraAspire.Cli.Data;

/// <summary>Which rows are shown, ascending. Memory holds those alone.</summary>
internal static class RowChoice
{
    public static IReadOnlyList<int> First(DatasetFolder folder, RowFilter filter, int count, CancellationToken cancellationToken) =>
        [.. Matching(folder, filter, cancellationToken).Take(count)];

    /// <summary>Every matching row is as likely as any other (reservoir sampling). The same seed gives the same rows.</summary>
    public static IReadOnlyList<int> AtRandom(DatasetFolder folder, RowFilter filter, int count, int seed, CancellationToken cancellationToken)
    {
        Random random = new(seed);
        List<int> kept = [];
        var seen = 0;
        foreach (var row in Matching(folder, filter, cancellationToken))
        {
            if (kept.Count < count)
            {
                kept.Add(row);
            }
            else if (random.Next(seen + 1) is var place && place < count)
            {
                kept[place] = row;
            }
            seen++;
        }
        kept.Sort();
        return kept;
    }

    private static IEnumerable<int> Matching(DatasetFolder folder, RowFilter filter, CancellationToken cancellationToken)
    {
        for (var row = folder.Find(filter, 0, 1, cancellationToken); row is { } found; row = folder.Find(filter, found + 1, 1, cancellationToken))
        {
            yield return found;
        }
    }
}
