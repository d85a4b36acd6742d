using System.Numerics;

namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// The length of the longest common subsequence, 64 cells of its table at a time (Hyyrö, 2004, "Bit-parallel LCS-length computation
/// revisited"): two texts of 100,000 words take a second, not a minute.
/// </summary>
internal static class CommonSubsequence
{
    public static int Length(IReadOnlyList<string> first, IReadOnlyList<string> second)
    {
        if (first.Count == 0 || second.Count == 0)
        {
            return 0;
        }
        Dictionary<string, List<int>> places = [];
        foreach (var (i, word) in first.Index())
        {
            (places.TryGetValue(word, out var list) ? list : places[word] = []).Add(i);
        }
        // A bit of the row is 0 where the length grows by one at that word of the first.
        var row = new ulong[(first.Count + 63) / 64];
        var matches = new ulong[row.Length];
        Array.Fill(row, ulong.MaxValue);
        foreach (var word in second)
        {
            if (!places.TryGetValue(word, out var at))
            {
                continue;
            }
            at.ForEach(i => matches[i / 64] |= 1UL << i);
            ulong carry = 0;
            for (var k = 0; k < row.Length; k++)
            {
                var (bits, both) = (row[k], row[k] & matches[k]);
                var sum = (UInt128)bits + both + carry;
                carry = (ulong)(sum >> 64);
                row[k] = (ulong)sum | (bits & ~both);
            }
            at.ForEach(i => matches[i / 64] = 0);
        }
        var unused = row.Length * 64 - first.Count;
        row[^1] |= unused == 0 ? 0 : ulong.MaxValue << (64 - unused);
        return row.Sum(bits => 64 - BitOperations.PopCount(bits));
    }
}
