namespace LoraAspire.DataBuild.Deduplication;

/// <summary>The set of a text's character 5-grams, and the true Jaccard similarity of two such sets, |A ∩ B| / |A ∪ B|.</summary>
internal static class Shingles
{
    private const int Length = 5;

    /// <summary>
    /// Hashes of the different 5-grams, ascending; none of a text that is shorter. Two of the thousands in a pair of texts share one of 32
    /// bits too seldom to move a similarity.
    /// </summary>
    public static uint[] Of(string text)
    {
        var hashes = new uint[Math.Max(0, text.Length - Length + 1)];
        for (var at = 0; at < hashes.Length; at++)
        {
            hashes[at] = Hash(text.AsSpan(at, Length));
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

    /// <summary>FNV-1a over the UTF-16 units, mixed, so that its low bits are as good as its high ones.</summary>
    private static uint Hash(ReadOnlySpan<char> shingle)
    {
        var hash = 2166136261u;
        foreach (var letter in shingle)
        {
            hash = (hash ^ letter) * 16777619;
        }
        return MinHash.Mix(hash);
    }
}
