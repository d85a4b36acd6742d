using System.Text;

namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// BPE as SentencePiece does it: start from characters, always join the neighbours whose joint piece has the highest score
/// (the leftmost of equals), until no neighbours form a piece. What stays unknown becomes bytes, or the unknown id.
/// </summary>
internal sealed class BpeMerger
{
    private readonly SentencePieceModel _model;
    private readonly Dictionary<string, int> _pieces = new(StringComparer.Ordinal);
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _lookup;
    private readonly Dictionary<string, int> _reserved = new(StringComparer.Ordinal);
    private readonly int[] _bytes = new int[256];
    private readonly HashSet<string>.AlternateLookup<ReadOnlySpan<char>> _userDefined;
    private readonly int[] _userDefinedLengths;

    public BpeMerger(SentencePieceModel model)
    {
        _model = model;
        Array.Fill(_bytes, model.UnkId);
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            var (text, _, type) = model.Pieces[id];
            (type is PieceType.Normal or PieceType.UserDefined or PieceType.Unused ? _pieces : _reserved)[text] = id;
            if (type == PieceType.Byte)
            {
                _bytes[Convert.ToByte(text[3..5], 16)] = id;
            }
        }
        _lookup = _pieces.GetAlternateLookup<ReadOnlySpan<char>>();
        var userDefined = model.Pieces.Where(piece => piece.Type == PieceType.UserDefined && piece.Text.Length > 0)
            .Select(piece => piece.Text).ToHashSet(StringComparer.Ordinal);
        _userDefined = userDefined.GetAlternateLookup<ReadOnlySpan<char>>();
        _userDefinedLengths = [.. userDefined.Select(text => text.Length).Distinct().OrderDescending()];
    }

    public int? Find(string piece) =>
        _pieces.TryGetValue(piece, out var id) || _reserved.TryGetValue(piece, out id) ? id : null;

    private struct Symbol
    {
        public int Start, Length, Prev, Next;
        public bool Frozen;
    }

    private readonly record struct Merge(int Left, int Right, int Length);

    /// <summary>Appends the ids of normalised text (spaces are U+2581).</summary>
    public void Append(ReadOnlySpan<char> text, List<int> ids)
    {
        if (text.Length == 0)
        {
            return;
        }
        var symbols = Split(text);
        PriorityQueue<Merge, (float, int)> agenda = new(symbols.Length);
        for (var i = 1; i < symbols.Length; i++)
        {
            Propose(text, symbols, agenda, i - 1, i);
        }
        while (agenda.TryDequeue(out var merge, out _))
        {
            ref var left = ref symbols[merge.Left];
            ref var right = ref symbols[merge.Right];
            if (left.Length == 0 || right.Length == 0 || left.Length + right.Length != merge.Length)
            {
                continue;
            }
            left.Length = merge.Length;
            left.Next = right.Next;
            right.Length = 0;
            if (left.Next >= 0)
            {
                symbols[left.Next].Prev = merge.Left;
            }
            Propose(text, symbols, agenda, left.Prev, merge.Left);
            Propose(text, symbols, agenda, merge.Left, left.Next);
        }
        var afterUnknown = false;
        for (var i = 0; i >= 0; i = symbols[i].Next)
        {
            afterUnknown = Emit(text.Slice(symbols[i].Start, symbols[i].Length), ids, afterUnknown);
        }
    }

    private void Propose(ReadOnlySpan<char> text, Symbol[] symbols, PriorityQueue<Merge, (float, int)> agenda, int left, int right)
    {
        if (left < 0 || right < 0 || symbols[left].Frozen || symbols[right].Frozen)
        {
            return;
        }
        var length = symbols[left].Length + symbols[right].Length;
        if (_lookup.TryGetValue(text.Slice(symbols[left].Start, length), out var id))
        {
            agenda.Enqueue(new(left, right, length), (-_model.Pieces[id].Score, left));
        }
    }

    private Symbol[] Split(ReadOnlySpan<char> text)
    {
        List<Symbol> symbols = new(text.Length);
        for (var i = 0; i < text.Length;)
        {
            var length = LongestUserDefined(text[i..]);
            var frozen = length > 0;
            if (!frozen)
            {
                length = char.IsHighSurrogate(text[i]) ? 2 : 1;
            }
            symbols.Add(new() { Start = i, Length = length, Prev = symbols.Count - 1, Next = symbols.Count + 1, Frozen = frozen });
            i += length;
        }
        var array = symbols.ToArray();
        array[^1].Next = -1;
        return array;
    }

    private int LongestUserDefined(ReadOnlySpan<char> text)
    {
        foreach (var length in _userDefinedLengths)
        {
            if (length <= text.Length && _userDefined.Contains(text[..length]))
            {
                return length;
            }
        }
        return 0;
    }

    /// <summary>
    /// Appends one symbol's ids. A run of unknown symbols gives the unknown id once. Returns whether this one was unknown.
    /// </summary>
    private bool Emit(ReadOnlySpan<char> piece, List<int> ids, bool afterUnknown)
    {
        if (_lookup.TryGetValue(piece, out var id))
        {
            if (_model.Pieces[id].Type == PieceType.Unused)
            {
                throw new ModelException(
                    $"The vocabulary marks '{piece}' as unused, which is not supported. Use the tokenizer.model as it was trained.");
            }
            ids.Add(id);
        }
        else if (_model.ByteFallback)
        {
            foreach (var value in Encoding.UTF8.GetBytes(piece.ToString()))
            {
                ids.Add(_bytes[value]);
            }
        }
        else
        {
            if (!afterUnknown)
            {
                ids.Add(_model.UnkId);
            }
            return true;
        }
        return false;
    }
}
