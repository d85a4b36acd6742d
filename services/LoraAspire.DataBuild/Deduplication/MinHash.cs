using System.Numerics;
using System.Runtime.InteropServices;

namespace LoraAspire.DataBuild.Deduplication;

/// <summary>
/// Signatures whose equal places estimate the Jaccard similarity of two texts' sets of character 5-grams (A. Broder, On the resemblance and
/// containment of documents,
/// 1997): each place is the least value of one hash function over the set. With 128 places the standard error is √(J(1−J)/128), 0.03 at J =
/// 0.85.
/// </summary>
internal static class MinHash
{
    public const int Places = 128;

    private static readonly uint[] Factors = Numbers(1, odd: true), Offsets = Numbers(2, odd: false);

    /// <summary>
    /// A signature of <see cref="Places"/> values, of which the upper 16 bits are kept (P. Li, C. König, b-Bit Minwise Hashing, 2010).
    /// </summary>
    /// <param name="shingles">Hashes of the set's members (<see cref="Shingles"/>); at least one.</param>
    public static ushort[] Signature(ReadOnlySpan<uint> shingles)
    {
        Span<uint> least = stackalloc uint[Places];
        least.Fill(uint.MaxValue);
        var lanes = MemoryMarshal.Cast<uint, Vector<uint>>(least);
        var factors = MemoryMarshal.Cast<uint, Vector<uint>>(Factors);
        var offsets = MemoryMarshal.Cast<uint, Vector<uint>>(Offsets);
        foreach (var shingle in shingles)
        {
            Vector<uint> hash = new(shingle);
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

    /// <summary>Of <see cref="Places"/>: the estimated Jaccard similarity.</summary>
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

    /// <summary>The finaliser of MurmurHash3.</summary>
    internal static uint Mix(uint hash)
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
