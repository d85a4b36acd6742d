using System.Numerics;
using System.Runtime.InteropServices;

namespace LoraAspire.DataBuild.Deduplication;

/// <summary>
/// Signatures whose equal places estimate the Jaccard similarity of two texts' sets of character 5-grams (A. Broder, On the resemblance and containment of documents,
/// 1997): each place is the least value of one hash function over the set. With 128 places the standard error is √(J(1−J)/128), 0.03 at J = 0.85.
/// </summary>
internal static class MinHash
{
    public const int Places = 128;
    public const int Shingle = 5;

    private static readonly uint[] Factors = Numbers(1, odd: true), Offsets = Numbers(2, odd: false);

    /// <summary>A signature of <see cref="Places"/> values, of which the upper 16 bits are kept (P. Li, C. König, b-Bit Minwise Hashing, 2010); null for a text without a 5-gram.</summary>
    public static ushort[]? Signature(string text)
    {
        if (text.Length < Shingle)
        {
            return null;
        }
        Span<uint> least = stackalloc uint[Places];
        least.Fill(uint.MaxValue);
        var lanes = MemoryMarshal.Cast<uint, Vector<uint>>(least);
        var factors = MemoryMarshal.Cast<uint, Vector<uint>>(Factors);
        var offsets = MemoryMarshal.Cast<uint, Vector<uint>>(Offsets);
        for (var start = 0; start + Shingle <= text.Length; start++)
        {
            Vector<uint> hash = new(Hash(text.AsSpan(start, Shingle)));
            for (var i = 0; i < lanes.Length; i++)
            {
                lanes[i] = Vector.Min(lanes[i], (hash * factors[i]) + offsets[i]);
            }
        }
        var signature = new ushort[Places];
        for (var i = 0; i < Places; i++)
        {
            // The least of many values has few bits above; mixed, all of them tell.
            signature[i] = (ushort)(Mix(least[i]) >> 16);
        }
        return signature;
    }

    /// <summary>The estimated Jaccard similarity.</summary>
    public static double Similarity(ReadOnlySpan<ushort> one, ReadOnlySpan<ushort> other) => (double)EqualPlaces(one, other) / Places;

    public static int EqualPlaces(ReadOnlySpan<ushort> one, ReadOnlySpan<ushort> other)
    {
        var left = MemoryMarshal.Cast<ushort, Vector<ushort>>(one);
        var right = MemoryMarshal.Cast<ushort, Vector<ushort>>(other);
        var equal = Vector<ushort>.Zero;
        for (var i = 0; i < left.Length; i++)
        {
            // Equal lanes are all ones, which is minus one.
            equal -= Vector.Equals(left[i], right[i]);
        }
        return Vector.Sum(equal);
    }

    /// <summary>FNV-1a over the UTF-16 units, mixed, so that its low bits are as good as its high ones.</summary>
    internal static uint Hash(ReadOnlySpan<char> shingle)
    {
        var hash = 2166136261u;
        foreach (var letter in shingle)
        {
            hash = (hash ^ letter) * 16777619;
        }
        return Mix(hash);
    }

    /// <summary>The finaliser of MurmurHash3.</summary>
    private static uint Mix(uint hash)
    {
        hash = (hash ^ (hash >> 16)) * 0x85EBCA6B;
        hash = (hash ^ (hash >> 13)) * 0xC2B2AE35;
        return hash ^ (hash >> 16);
    }

    private static uint[] Numbers(int seed, bool odd)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, Places).Select(_ => (uint)random.NextInt64(uint.MaxValue) | (odd ? 1u : 0u))];
    }
}
