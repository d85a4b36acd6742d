using System.Runtime.InteropServices;

namespace LoraAspire.DataBuild.Deduplication;

/// <summary>
/// Finds texts whose estimated similarity with a known one is at least a threshold t, by locality-sensitive hashing (Leskovec, Rajaraman, Ullman, Mining of Massive
/// Datasets, 3.4): signatures are cut into b bands of r places, and only texts that agree in a whole band are compared. A pair of similarity t is found with
/// probability 1 − (1 − t^r)^b; r is the largest for which that is above 0.99.
/// </summary>
internal sealed class NearIndex
{
    private const double Found = 0.99;

    private readonly double _threshold;
    private readonly int _rows;
    private readonly List<ushort[]> _signatures = [];
    /// <summary>Band and its places' hash → the last text in it; <see cref="_before"/> leads on to those before.</summary>
    private readonly Dictionary<(int Band, ulong Hash), int> _buckets = [];
    private readonly List<int> _before = [];

    public NearIndex(double threshold)
    {
        _threshold = threshold;
        _rows = new[] { 32, 16, 8, 4, 2 }.FirstOrDefault(rows => 1 - Math.Pow(1 - Math.Pow(threshold, rows), MinHash.Places / rows) > Found, 1);
    }

    private int Bands => MinHash.Places / _rows;

    public bool Holds(string text) => MinHash.Signature(text) is { } signature && Holds(signature);

    public void Add(string text)
    {
        if (MinHash.Signature(text) is { } signature)
        {
            Add(signature);
        }
    }

    /// <summary>Whether a near text is known; else this one is from now on.</summary>
    public bool HoldsOrAdd(string text)
    {
        if (MinHash.Signature(text) is not { } signature)
        {
            return false;
        }
        if (Holds(signature))
        {
            return true;
        }
        Add(signature);
        return false;
    }

    private bool Holds(ushort[] signature)
    {
        for (var band = 0; band < Bands; band++)
        {
            if (!_buckets.TryGetValue(Key(signature, band), out var at))
            {
                continue;
            }
            for (; at >= 0; at = _before[(at * Bands) + band])
            {
                if (MinHash.Similarity(signature, _signatures[at]) >= _threshold)
                {
                    return true;
                }
            }
        }
        return false;
    }

    private void Add(ushort[] signature)
    {
        for (var band = 0; band < Bands; band++)
        {
            var key = Key(signature, band);
            _before.Add(_buckets.TryGetValue(key, out var last) ? last : -1);
            _buckets[key] = _signatures.Count;
        }
        _signatures.Add(signature);
    }

    private (int, ulong) Key(ushort[] signature, int band)
    {
        var hash = 14695981039346656037;
        foreach (var part in MemoryMarshal.AsBytes(signature.AsSpan(band * _rows, _rows)))
        {
            hash = (hash ^ part) * 1099511628211;
        }
        return (band, hash);
    }
}
