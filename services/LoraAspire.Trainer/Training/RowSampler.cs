namespace LoraAspire.Trainer.Training;

/// <summary>
/// Which rows each optimiser step sees. A pure function of the settings: a resumed run asks for the same step and gets the same rows.
/// </summary>
/// <param name="lengths">Tokens of each row.</param>
internal sealed class RowSampler(IReadOnlyList<int> lengths, int batchSize, bool groupByLength, int seed)
{
    private (int Epoch, int[] Order) _current = (-1, []);

    public int StepsPerEpoch { get; } = (lengths.Count + batchSize - 1) / batchSize;

    /// <summary>The rows of a step counted from 0; an epoch's last step may have fewer.</summary>
    public ArraySegment<int> Rows(int step)
    {
        var epoch = step / StepsPerEpoch;
        if (_current.Epoch != epoch)
        {
            _current = (epoch, Order(epoch));
        }
        var start = step % StepsPerEpoch * batchSize;
        return new ArraySegment<int>(_current.Order, start, Math.Min(batchSize, lengths.Count - start));
    }

    private int[] Order(int epoch)
    {
        var order = Enumerable.Range(0, lengths.Count).ToArray();
        new Random(unchecked((seed * 7919) + epoch)).Shuffle(order);
        return groupByLength ? GroupByLength(lengths, order, batchSize) : order;
    }

    /// <summary>
    /// transformers' group_by_length: the permutation is cut into mega-batches of min(n / (4·batch), 50)·batch rows, each sorted by length,
    /// longest first; the longest row of all is swapped to the very front, so that running out of memory happens at once.
    /// </summary>
    public static int[] GroupByLength(IReadOnlyList<int> lengths, IReadOnlyList<int> permutation, int batchSize)
    {
        var multiple = Math.Min(lengths.Count / (batchSize * 4), 50);
        var size = Math.Max(1, multiple) * batchSize;
        var megaBatches = permutation.Chunk(size).Select(batch => batch.OrderByDescending(row => lengths[row]).ToArray()).ToArray();
        var longest = megaBatches.Index().MaxBy(batch => lengths[batch.Item[0]]).Index;
        (megaBatches[0][0], megaBatches[longest][0]) = (megaBatches[longest][0], megaBatches[0][0]);
        return [.. megaBatches.SelectMany(batch => batch)];
    }
}
