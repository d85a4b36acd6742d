namespace LoraAspire.DataBuild.Records;

/// <summary>
/// Every random choice of a source comes from here, so that a seed fixes the records. <see cref="Random"/> with a seed keeps its sequence
/// over .NET versions.
/// </summary>
internal sealed class Draw(int seed)
{
    private readonly Random _random = new(seed);

    public T Pick<T>(IReadOnlyList<T> items) => items[_random.Next(items.Count)];

    /// <summary>A whole number from <paramref name="low"/> to <paramref name="high"/>, both included.</summary>
    public int Between(int low, int high) => _random.Next(low, high + 1);

    public bool Chance(double probability) => _random.NextDouble() < probability;

    /// <summary><paramref name="count"/> different items, in random order; all of them when there are fewer.</summary>
    public List<T> Some<T>(IReadOnlyList<T> items, int count)
    {
        var indexes = Enumerable.Range(0, items.Count).ToArray();
        count = Math.Min(count, items.Count);
        for (var i = 0; i < count; i++)
        {
            var j = _random.Next(i, indexes.Length);
            (indexes[i], indexes[j]) = (indexes[j], indexes[i]);
        }
        return [.. indexes.Take(count).Select(i => items[i])];
    }
}
