namespace LoraAspire.Evaluator.Metrics;

/// <summary>
/// Levenshtein's distance of words to a reference, computed in a band around the diagonal alone, as wide as sacrebleu's. It keeps the
/// rows of one sequence of words: what differs from it in a few places is measured from the first of them, and only until the rows are
/// the kept ones again, but for a constant. Memory is the band's, not the square of the lengths.
/// </summary>
internal sealed class BandedEdits
{
    private const int HalfWidth = 25;
    private const int Infinity = int.MaxValue / 2;

    private readonly int[] _reference;
    private readonly int _words;
    private readonly (int First, int End)[] _bands; // of row i: columns First to End - 1 are computed, the rest is infinite
    private readonly int[][] _rows;
    private readonly int[][] _spare;
    private int[] _base = [];

    /// <param name="words">How many words each sequence has that is measured.</param>
    public BandedEdits(int[] reference, int words)
    {
        (_reference, _words) = (reference, words);
        var ratio = words == 0 ? 1 : (double)reference.Length / words;
        // Where lengths are so different that a band would miss the one of the row before, it is wider.
        var half = HalfWidth < ratio / 2 ? (int)Math.Ceiling(ratio / 2 + HalfWidth) : HalfWidth;
        _bands = new (int, int)[words + 1];
        _bands[0] = (0, reference.Length + 1);
        for (var i = 1; i <= words; i++)
        {
            var diagonal = (int)Math.Floor(i * ratio);
            var end = i == words ? reference.Length + 1 : Math.Min(reference.Length + 1, diagonal + half);
            _bands[i] = (Math.Max(0, diagonal - half), end);
        }
        _rows = [.. _bands.Select(band => new int[Math.Max(0, band.End - band.First)])];
        for (var j = 0; j <= reference.Length; j++)
        {
            _rows[0][j] = j;
        }
        var widest = _rows.Max(row => row.Length);
        _spare = [new int[widest], new int[widest]];
    }

    /// <summary>The distance of a sequence whose rows are kept from now on.</summary>
    public int Keep(int[] words)
    {
        _base = words;
        for (var i = 1; i <= _words; i++)
        {
            Row(i, words[i - 1], _rows[i - 1], _rows[i]);
        }
        return _rows[_words][^1];
    }

    /// <summary>The distance of a sequence that is the kept one but from <paramref name="first"/> to <paramref name="last"/>.</summary>
    public int Distance(int[] words, int first, int last)
    {
        var before = _rows[first];
        for (var i = first + 1; i <= _words; i++)
        {
            var row = _spare[i % 2];
            Row(i, words[i - 1], before, row);
            if (i >= last && Offset(row, _rows[i]) is { } offset)
            {
                return _rows[_words][^1] + offset;
            }
            before = row;
        }
        return before[_reference.Length - _bands[_words].First];
    }

    /// <summary>
    /// How the reference becomes the kept words, read from the end: for each word of the reference the place of its partner (that of the
    /// last word before it where it has none, -1 at the start), and which words on both sides aren't matched.
    /// </summary>
    public (int[] Partner, bool[] ReferenceWrong, bool[] WordWrong) Alignment()
    {
        var (partner, referenceWrong, wordWrong) = (new int[_reference.Length], new bool[_reference.Length], new bool[_words]);
        var (i, j) = (_words, _reference.Length);
        while (i > 0 || j > 0)
        {
            // Of steps as cheap, the pair comes first, then the word that is too much, then the one that is missing.
            var here = At(i, j);
            var equal = i > 0 && j > 0 && _base[i - 1] == _reference[j - 1];
            if (i > 0 && j > 0 && here == At(i - 1, j - 1) + (equal ? 0 : 1))
            {
                partner[j - 1] = i - 1;
                referenceWrong[j - 1] = wordWrong[i - 1] = !equal;
                i--;
                j--;
            }
            else if (i > 0 && here == At(i - 1, j) + 1)
            {
                wordWrong[i - 1] = true;
                i--;
            }
            else
            {
                partner[j - 1] = i - 1;
                referenceWrong[j - 1] = true;
                j--;
            }
        }
        return (partner, referenceWrong, wordWrong);
    }

    private int At(int i, int j) => _bands[i] is var band && band.First <= j && j < band.End ? _rows[i][j - band.First] : Infinity;

    private void Row(int i, int word, int[] before, int[] row)
    {
        var ((first, end), (beforeFirst, beforeEnd)) = (_bands[i], _bands[i - 1]);
        var left = Infinity;
        for (var j = first; j < end; j++)
        {
            var cost = left + 1;
            if (j >= beforeFirst && j < beforeEnd)
            {
                cost = Math.Min(cost, before[j - beforeFirst] + 1);
            }
            if (j > beforeFirst && j <= beforeEnd)
            {
                cost = Math.Min(cost, before[j - 1 - beforeFirst] + (word == _reference[j - 1] ? 0 : 1));
            }
            row[j - first] = left = Math.Min(cost, Infinity);
        }
    }

    /// <summary>How much more each number of a row is than the kept one; null where that differs.</summary>
    private static int? Offset(int[] row, int[] kept)
    {
        if (kept.Length == 0)
        {
            return null;
        }
        var offset = row[0] - kept[0];
        for (var j = 1; j < kept.Length; j++)
        {
            if (row[j] - kept[j] != offset)
            {
                return null;
            }
        }
        return offset;
    }
}
