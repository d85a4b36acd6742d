using System.Runtime.InteropServices;

namespace LoraAspire.DataBuild.Deduplication;

/// <summary>
/// Finds texts whose Jaccard similarity with a known one is at least a threshold t. Candidates come by locality-sensitive hashing
/// (Leskovec, Rajaraman, Ullman, Mining of Massive Datasets, 3.4): signatures are cut into b bands of r places, and only texts that agree
/// in a whole band are looked at. A pair of similarity t is found with probability 1 − (1 − t^r)^b; r is the largest for which that is
/// above 0.99. The estimate from the signatures chooses among them, and the texts themselves decide: among thousands of texts that share a
/// long part, some estimate is above the threshold by chance.
/// </summary>
internal sealed class NearIndex
{
    private const double Found = 0.99;

    /// <summary>
    /// So many candidates, the likeliest first, are compared in full: among thousands that share a long part, a bound on the time.
    /// </summary>
    private const int Compared = 1000;

    private readonly double _threshold;
    private readonly int _leastEqual;
    private readonly int _rows;
    private readonly List<ushort[]> _signatures = [];
    private readonly List<uint[]> _shingles = [];
    /// <summary>Band and its places' hash → the last text in it; <see cref="_before"/> leads on to those before.</summary>
    private readonly Dictionary<(int Band, ulong Hash), int> _buckets = [];
    private readonly List<int> _before = [];
    /// <summary>The search that looked at a text last: one that shares several bands is looked at once.</summary>
    private readonly List<int> _lookedAtBy = [];
    private readonly List<(int Equal, int Text)> _likely = [];
    private int _searches;

    public NearIndex(double threshold)
    {
        _threshold = threshold;
        _rows = new[] { 32, 16, 8, 4, 2 }
            .FirstOrDefault(rows => 1 - Math.Pow(1 - Math.Pow(threshold, rows), MinHash.Places / rows) > Found, 1);
        // Two standard errors below the threshold: the estimate leaves out less than the bands do.
        _leastEqual = (int)Math.Floor((threshold * MinHash.Places) - (2 * Math.Sqrt(threshold * (1 - threshold) * MinHash.Places)));
    }

    private int Bands => MinHash.Places / _rows;

    public bool Holds(string text) => Shingles.Of(text) is { Length: > 0 } shingles && Holds(shingles, MinHash.Signature(shingles));

    public void Add(string text)
    {
        if (Shingles.Of(text) is { Length: > 0 } shingles)
        {
            Add(shingles, MinHash.Signature(shingles));
        }
    }

    /// <summary>Whether a near text is known; else this one is from now on.</summary>
    public bool HoldsOrAdd(string text)
    {
        if (Shingles.Of(text) is not { Length: > 0 } shingles)
        {
            return false;
        }
        var signature = MinHash.Signature(shingles);
        if (Holds(shingles, signature))
        {
            return true;
        }
        Add(shingles, signature);
        return false;
    }

    private bool Holds(uint[] shingles, ushort[] signature)
    {
        FindLikely(signature);
        _likely.Sort((one, other) => other.Equal.CompareTo(one.Equal));
        return _likely.Take(Compared).Any(known => Shingles.Similarity(shingles, _shingles[known.Text]) >= _threshold);
    }

    private void FindLikely(ushort[] signature)
    {
        _likely.Clear();
        _searches++;
        for (var band = 0; band < Bands; band++)
        {
            for (var at = _buckets.GetValueOrDefault(Key(signature, band), -1); at >= 0; at = _before[(at * Bands) + band])
            {
                if (_lookedAtBy[at] == _searches)
                {
                    continue;
                }
                _lookedAtBy[at] = _searches;
                if (MinHash.EqualPlaces(signature, _signatures[at]) is var equal && equal >= _leastEqual)
                {
                    _likely.Add((equal, at));
                }
            }
        }
    }

    private void Add(uint[] shingles, ushort[] signature)
    {
        for (var band = 0; band < Bands; band++)
        {
            var key = Key(signature, band);
            _before.Add(_buckets.GetValueOrDefault(key, -1));
            _buckets[key] = _signatures.Count;
        }
        _signatures.Add(signature);
        _shingles.Add(shingles);
        _lookedAtBy.Add(0);
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
