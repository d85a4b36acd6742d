using System.Numerics;

namespace LoraAspire.Model.Generation.Constraints.Tokens;

/// <summary>Which tokens may come next.</summary>
internal sealed class TokenMask
{
    /// <summary>Below this share of the vocabulary the ids are kept, and not a bit for every token.</summary>
    private const int Sparse = 64;
    private const int Word = 64;

    private readonly int[]? _ids;
    private readonly ulong[] _words = [];

    private TokenMask(ulong[] words)
    {
        Count = words.Sum(BitOperations.PopCount);
        if (Count > words.Length * Word / Sparse)
        {
            _words = words;
            return;
        }
        _ids = new int[Count];
        var next = 0;
        for (var i = 0; i < words.Length; i++)
        {
            for (var rest = words[i]; rest != 0; rest &= rest - 1)
            {
                _ids[next++] = (i * Word) + BitOperations.TrailingZeroCount(rest);
            }
        }
    }

    /// <summary>A mask in the making.</summary>
    public readonly struct Builder(int vocabSize)
    {
        private readonly ulong[] _words = new ulong[(vocabSize + Word - 1) / Word];

        public void Allow(int id) => _words[id / Word] |= 1UL << (id % Word);

        public void Set(int id, bool allowed)
        {
            Allow(id);
            _words[id / Word] &= allowed ? ulong.MaxValue : ~(1UL << (id % Word));
        }

        public TokenMask Finish() => new(_words);
    }

    public int Count { get; }

    public bool Allows(int id) => _ids is { } ids ? Array.IndexOf(ids, id) >= 0
        : id / Word < _words.Length && (_words[id / Word] >> (id % Word) & 1) != 0;

    /// <summary>Negative infinity for the others. A head may be wider than the vocabulary.</summary>
    public void Apply(Span<float> logits)
    {
        if (_ids is { } ids)
        {
            Span<float> kept = ids.Length <= 256 ? stackalloc float[ids.Length] : new float[ids.Length];
            for (var i = 0; i < ids.Length; i++)
            {
                kept[i] = ids[i] < logits.Length ? logits[ids[i]] : 0;
            }
            logits.Fill(float.NegativeInfinity);
            for (var i = 0; i < ids.Length; i++)
            {
                if (ids[i] < logits.Length)
                {
                    logits[ids[i]] = kept[i];
                }
            }
            return;
        }
        var whole = Math.Min(_words.Length, logits.Length / Word);
        for (var i = 0; i < whole; i++)
        {
            var forbidden = ~_words[i];
            if (forbidden == ulong.MaxValue)
            {
                logits.Slice(i * Word, Word).Fill(float.NegativeInfinity);
                continue;
            }
            for (; forbidden != 0; forbidden &= forbidden - 1)
            {
                logits[(i * Word) + BitOperations.TrailingZeroCount(forbidden)] = float.NegativeInfinity;
            }
        }
        for (var id = whole * Word; id < logits.Length; id++)
        {
            logits[id] = Allows(id) ? logits[id] : float.NegativeInfinity;
        }
    }
}
