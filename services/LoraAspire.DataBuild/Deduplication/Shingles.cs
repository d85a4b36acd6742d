namespace LoraAspire.DataBuild.Deduplication;

/// <summary>The set of a text's character 5-grams, and the true Jaccard similarity of two such sets, |A ∩ B| / |A ∪ B|.</summary>
internal static class Shingles
{
    /// <summary>Hashes of the different 5-grams, ascending. Two of the thousands in a pair of texts share one of 32 bits too seldom to move a similarity.</summary>
    public static uint[] Of(string text)
    {
        var hashes = new uint[text.Length - MinHash.Shingle + 1];
        for (var at = 0; at < hashes.Length; at++)
        {
            hashes[at] = MinHash.Hash(text.AsSpan(at, MinHash.Shingle));
        }
        Array.Sort(hashes);
        var different = 0;
        for (var at = 0; at < hashes.Length; at++)
        {
            if (at == 0 || hashes[at] != hashes[at - 1])
            {
                hashes[different++] = hashes[at];
            }
        }
        return hashes[..different];
    }

    public static double Similarity(ReadOnlySpan<uint> one, ReadOnlySpan<uint> other)
    {
        int common = 0, i = 0, j = 0;
        while (i < one.Length && j < other.Length)
        {
            var (left, right) = (one[i], other[j]);
            common += left == right ? 1 : 0;
            i += left <= right ? 1 : 0;
            j += right <= left ? 1 : 0;
        }
        return (double)common / (one.Length + other.Length - common);
    }
}
