using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Model.Generation.Constraints.Tokens;

/// <summary>
/// The tokens of a vocabulary by their bytes, as a tree whose nodes stand in the order of a walk through it: each after its parent, and
/// what follows a node's descendants known, so that a walk is one pass that skips.
/// </summary>
internal sealed class VocabularyTrie
{
    private readonly byte[] _label;
    private readonly byte[] _depth;
    private readonly int[] _after;
    private readonly int[] _token;
    private readonly int[] _same;

    public VocabularyTrie(HfTokenizer tokenizer)
    {
        VocabSize = tokenizer.VocabSize;
        _bytes = new byte[VocabSize][];
        List<int> ids = [];
        for (var id = 0; id < VocabSize; id++)
        {
            _bytes[id] = tokenizer.Knows(id) ? tokenizer.Bytes(id) : [];
            // A longer one than a byte counts is no text that anyone means; the model can spell it by others.
            if (_bytes[id].Length is > 0 and < byte.MaxValue)
            {
                ids.Add(id);
            }
            else
            {
                _bytes[id] = [];
            }
        }
        ids.Sort((a, b) => _bytes[a].AsSpan().SequenceCompareTo(_bytes[b]) is not 0 and var order ? order : a.CompareTo(b));
        List<byte> label = [], depth = [];
        List<int> after = [], token = [];
        Stack<int> open = [];
        _same = Enumerable.Repeat(-1, VocabSize).ToArray();
        var before = Array.Empty<byte>();
        var last = -1;
        foreach (var id in ids)
        {
            var bytes = _bytes[id];
            Longest = Math.Max(Longest, bytes.Length);
            if (bytes.AsSpan().SequenceEqual(before))
            {
                _same[last] = last = id;
                continue;
            }
            var common = bytes.AsSpan().CommonPrefixLength(before);
            while (open.Count > common)
            {
                after[open.Pop()] = label.Count;
            }
            for (var i = common; i < bytes.Length; i++)
            {
                open.Push(label.Count);
                label.Add(bytes[i]);
                depth.Add((byte)(i + 1));
                after.Add(0);
                token.Add(-1);
            }
            token[^1] = last = id;
            before = bytes;
        }
        while (open.TryPop(out var node))
        {
            after[node] = label.Count;
        }
        (_label, _depth, _after, _token) = ([.. label], [.. depth], [.. after], [.. token]);
    }

    private readonly byte[][] _bytes;

    public int VocabSize { get; }

    /// <summary>Nodes.</summary>
    public int Count => _label.Length;

    /// <summary>Bytes of the longest token.</summary>
    public int Longest { get; }

    /// <summary>None for special tokens and holes.</summary>
    public ReadOnlySpan<byte> Bytes(int id) => id >= 0 && id < VocabSize ? _bytes[id] : [];

    public byte Label(int node) => _label[node];

    /// <summary>Bytes from the root, from 1.</summary>
    public int Depth(int node) => _depth[node];

    /// <summary>The first node that is no descendant.</summary>
    public int After(int node) => _after[node];

    /// <summary>The token that ends here; -1: none.</summary>
    public int Token(int node) => _token[node];

    /// <summary>The next token of the same bytes; -1: none.</summary>
    public int Same(int id) => _same[id];
}
