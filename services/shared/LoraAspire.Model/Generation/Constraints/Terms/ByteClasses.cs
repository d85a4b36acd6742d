namespace LoraAspire.Model.Generation.Constraints.Terms;

/// <summary>Bytes that no term tells apart, as one class.</summary>
internal sealed class ByteClasses
{
    private readonly byte[] _classOf = new byte[256];
    private readonly List<byte> _first = [];

    public ByteClasses(IEnumerable<Term> terms)
    {
        foreach (var set in terms.Where(term => term.Kind == TermKind.Bytes).Select(term => term.Bytes).Distinct())
        {
            Dictionary<(byte, bool), byte> split = [];
            for (var value = 0; value < 256; value++)
            {
                var part = (_classOf[value], set.Contains(value));
                if (!split.TryGetValue(part, out var number))
                {
                    split[part] = number = (byte)split.Count;
                }
                _classOf[value] = number;
            }
        }
        for (var value = 0; value < 256; value++)
        {
            if (_classOf[value] == _first.Count)
            {
                _first.Add((byte)value);
            }
        }
    }

    public int Count => _first.Count;

    public int this[byte value] => _classOf[value];

    /// <summary>A byte of each class.</summary>
    public IReadOnlyList<byte> Examples => _first;
}
