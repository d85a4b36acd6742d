using System.Runtime.InteropServices;
using System.Text;

namespace LoraAspire.DataBuild.Deduplication;

/// <summary>The set of a text's character 5-grams, and the true Jaccard similarity of two such sets, |A ∩ B| / |A ∪ B|.</summary>
internal static class Shingles
{
    /// <summary>Hashes of the different 5-grams, ascending. Two 5-grams of a text share one of 64 bits with a probability that doesn't matter.</summary>
    public static ulong[] Of(string text)
    {
        var hashes = new ulong[text.Length - MinHash.Shingle + 1];
        for (var at = 0; at < hashes.Length; at++)
        {
            hashes[at] = Hash(text.AsSpan(at, MinHash.Shingle));
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

    public static ulong[] Of(byte[] utf8) => Of(Encoding.UTF8.GetString(utf8));

    public static double Similarity(ReadOnlySpan<ulong> one, ReadOnlySpan<ulong> other)
    {
        int common = 0, i = 0, j = 0;
        while (i < one.Length && j < other.Length)
        {
            var order = one[i].CompareTo(other[j]);
            (i, j, common) = (i + (order <= 0 ? 1 : 0), j + (order >= 0 ? 1 : 0), common + (order == 0 ? 1 : 0));
        }
        return (double)common / (one.Length + other.Length - common);
    }

    /// <summary>FNV-1a over the bytes of the UTF-16 units.</summary>
    private static ulong Hash(ReadOnlySpan<char> shingle)
    {
        var hash = 14695981039346656037;
        foreach (var part in MemoryMarshal.AsBytes(shingle))
        {
            hash = (hash ^ part) * 1099511628211;
        }
        return hash;
    }
}
