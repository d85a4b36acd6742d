using System.Collections.Concurrent;
using System.Text;

namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// SentencePiece BPE: normalise, cut into words, merge each word. Microsoft.ML.Tokenizers' LlamaTokenizer is not used here: against
/// SentencePiece's own results it differs where the text itself holds U+2581 and where decoded bytes are no UTF-8.
/// </summary>
internal sealed class SentencePieceTokenizer : HfTokenizer
{
    internal const char Space = '\u2581';
    private const int LongestCachedWord = 24;
    private const int LargestCache = 200_000;

    private readonly SentencePieceModel _model;
    private readonly BpeMerger _merger;
    private readonly bool _wordsStandAlone;
    private readonly ConcurrentDictionary<string, int[]> _words = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int[]>.AlternateLookup<ReadOnlySpan<char>> _wordLookup;
    private int _cached;
    /// <summary>Read when a template first asks: nothing else needs the files beside.</summary>
    private readonly Lazy<bool> _prefixesOnce;

    private SentencePieceTokenizer(SentencePieceModel model, BpeMerger merger, SpecialTokens special, Func<bool> prefixesOnce)
        : base(special)
    {
        _prefixesOnce = new(prefixesOnce);
        (_model, _merger) = (model, merger);
        _wordLookup = _words.GetAlternateLookup<ReadOnlySpan<char>>();
        // A merge never crosses from a letter to a following space mark when no piece does, so words can be merged one by one.
        _wordsStandAlone = model.Pieces.All(piece =>
            piece.Type is not PieceType.UserDefined && !piece.Text.AsSpan().TrimStart(Space).Contains(Space));
        VocabSize = special.Added.Keys.Append(model.Pieces.Count - 1).Max() + 1;
    }

    public override int VocabSize { get; }

    internal SentencePieceModel Model => _model;

    internal override bool PrefixesOnce => _prefixesOnce.Value;

    internal static new SentencePieceTokenizer Load(string dir) =>
        Load(dir, SentencePieceModel.Load(Path.Combine(dir, "tokenizer.model")), [], addsBos: true, () => PrefixedOnce(dir));

    internal static SentencePieceTokenizer Load(string dir, TokenizerJson json) =>
        Load(dir, SentencePieceJson.Read(json), json.Added, json.AddsBos, OnceOf(json));

    /// <summary>Read at once: the file is open now.</summary>
    private static Func<bool> OnceOf(TokenizerJson json) => SentencePieceJson.PrefixesOnce(json) ? () => true : () => false;

    /// <summary>
    /// As the tokenizer.json beside it has it, which is what transformers runs; else "legacy": false in tokenizer_config.json says so.
    /// </summary>
    private static bool PrefixedOnce(string dir)
    {
        var (json, config) = (Path.Combine(dir, "tokenizer.json"), Path.Combine(dir, "tokenizer_config.json"));
        return File.Exists(json) ? JsonFile.Read(json, "tokenizer", SentencePieceJson.PrefixesOnce)
            : File.Exists(config) && JsonFile.Read(config, "tokenizer file",
                root => root.TryGetProperty("legacy", out var legacy) && legacy.ValueKind == System.Text.Json.JsonValueKind.False);
    }

    private static SentencePieceTokenizer Load(string dir, SentencePieceModel model, IEnumerable<AddedToken> added,
        bool addsBos, Func<bool> prefixesOnce)
    {
        BpeMerger merger = new(model);
        var special = SpecialTokens.Load(dir, merger.Find, id => model.Pieces[id].Text,
            Known(model.UnkId), Known(model.BosId), Known(model.EosId), added, addsBos);
        return new(model, merger, special, prefixesOnce);

        int? Known(int id) => id >= 0 && id < model.Pieces.Count ? id : null;
    }

    public override string Piece(int id) =>
        id >= 0 && id < _model.Pieces.Count ? _model.Pieces[id].Text
        : Special.Added.TryGetValue(id, out var token) ? token.Text
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"The vocabulary has {VocabSize} tokens.");

    public override bool Knows(int id) => (id >= 0 && id < _model.Pieces.Count) || Special.Added.ContainsKey(id);

    public override byte[] Bytes(int id)
    {
        var piece = Piece(id);
        return id >= _model.Pieces.Count ? Special.Added[id].Special ? [] : Encoding.UTF8.GetBytes(piece)
            : _model.Pieces[id].Type switch
            {
                PieceType.Byte => [Convert.ToByte(piece[3..5], 16)],
                PieceType.Control or PieceType.Unknown => [],
                _ => Encoding.UTF8.GetBytes(piece.Replace(Space, ' ')),
            };
    }

    private protected override void AppendIds(string text, List<int> ids, bool continues)
    {
        var normal = Normalise(text, continues).AsSpan();
        if (!_wordsStandAlone)
        {
            _merger.Append(normal, ids);
            return;
        }
        for (var start = 0; start < normal.Length;)
        {
            var end = start;
            while (end < normal.Length && normal[end] == Space)
            {
                end++;
            }
            while (end < normal.Length && normal[end] != Space)
            {
                end++;
            }
            AppendWord(normal[start..end], ids);
            start = end;
        }
    }

    private void AppendWord(ReadOnlySpan<char> word, List<int> ids)
    {
        if (word.Length > LongestCachedWord)
        {
            _merger.Append(word, ids);
            return;
        }
        if (_wordLookup.TryGetValue(word, out var known))
        {
            ids.AddRange(known);
            return;
        }
        List<int> fresh = [];
        _merger.Append(word, fresh);
        ids.AddRange(fresh);
        if (Volatile.Read(ref _cached) < LargestCache && _wordLookup.TryAdd(word, [.. fresh]))
        {
            Interlocked.Increment(ref _cached);
        }
    }

    /// <summary>
    /// The text as SentencePiece sees it: well-formed, spaces as U+2581, with the prefix and the white-space rule of the model.
    /// </summary>
    private string Normalise(string text, bool continues)
    {
        var prefix = _model.AddDummyPrefix && !continues;
        if (text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            // A lone surrogate becomes U+FFFD, as in the UTF-8 that SentencePiece would get.
            text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        }
        if (_model.RemoveExtraWhitespaces && !continues)
        {
            text = text.TrimStart(' ');
        }
        if (text.Length == 0)
        {
            return "";
        }
        if (!_model.RemoveExtraWhitespaces)
        {
            var marked = text.Replace(' ', Space);
            return prefix ? Space + marked : marked;
        }
        StringBuilder normal = new(text.Length + 1);
        if (prefix)
        {
            normal.Append(Space);
        }
        var afterSpace = !continues;
        foreach (var c in text)
        {
            if (c != ' ' || !afterSpace)
            {
                normal.Append(c == ' ' ? Space : c);
            }
            afterSpace = c == ' ';
        }
        return normal.ToString().TrimEnd(Space);
    }

    public override string Decode(ReadOnlySpan<int> ids) => Decode(ids, dropFirstMark: false);

    private protected override string DecodeStretch(ReadOnlySpan<int> ids, bool first) => Decode(ids, dropFirstMark: first);

    private string Decode(ReadOnlySpan<int> ids, bool dropFirstMark)
    {
        PieceDecoder decoder = new(_model.AddDummyPrefix || _model.RemoveExtraWhitespaces, _model.RemoveExtraWhitespaces);
        for (var i = 0; i < ids.Length; i++)
        {
            var id = ids[i];
            var text = Piece(id);
            if (dropFirstMark && i == 0 && text.StartsWith(Space))
            {
                text = text[1..];
            }
            if (id >= _model.Pieces.Count)
            {
                decoder.Add(Special.Added[id].Special ? "" : text);
                continue;
            }
            switch (_model.Pieces[id].Type)
            {
                case PieceType.Byte: decoder.AddByte(Convert.ToByte(text[3..5], 16)); break;
                case PieceType.Control: decoder.Add(""); break;
                case PieceType.Unknown: decoder.Add(_model.UnkSurface); break;
                default: decoder.AddPiece(text); break;
            }
        }
        return decoder.Finish();
    }
}
