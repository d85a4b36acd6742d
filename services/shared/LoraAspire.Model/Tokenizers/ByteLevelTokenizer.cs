using System.Text;
using System.Text.Json;
using Microsoft.ML.Tokenizers;

namespace LoraAspire.Model.Tokenizers;

/// <summary>Byte-level BPE (GPT-2's kind) with Qwen2's word pattern and NFC normalisation, by Microsoft.ML.Tokenizers.</summary>
internal sealed class ByteLevelTokenizer : HfTokenizer
{
    private const string QwenWords = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private readonly BpeTokenizer _bpe;
    private readonly Dictionary<int, string> _pieces;
    private readonly Dictionary<char, byte> _byteOf = ByteOf();

    private ByteLevelTokenizer(BpeTokenizer bpe, Dictionary<int, string> pieces, SpecialTokens special) : base(special)
    {
        (_bpe, _pieces) = (bpe, pieces);
        VocabSize = special.Added.Keys.Concat(pieces.Keys).Max() + 1;
    }

    public override int VocabSize { get; }

    internal static new ByteLevelTokenizer Load(string dir)
    {
        if (TokenizerClass(dir) is { } name && !name.StartsWith("Qwen2", StringComparison.Ordinal))
        {
            throw new ModelException($"The byte-level BPE in {dir} is a {name}, whose word pattern is not known here; Qwen2's is the only one yet.");
        }
        var vocabulary = JsonSerializer.Deserialize<Dictionary<string, int>>(File.ReadAllBytes(Path.Combine(dir, "vocab.json")))!;
        var merges = File.ReadLines(Path.Combine(dir, "merges.txt")).Where(line => line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal)).ToList();
        BpeOptions options = new(vocabulary)
        {
            Merges = merges,
            ByteLevel = true,
            PreTokenizer = new RegexPreTokenizer(new(QwenWords, System.Text.RegularExpressions.RegexOptions.Compiled), null),
        };
        var special = SpecialTokens.Load(dir, text => vocabulary.TryGetValue(text, out var id) ? id : null, id => vocabulary.First(token => token.Value == id).Key, null, null, null);
        return new(BpeTokenizer.Create(options), vocabulary.ToDictionary(token => token.Value, token => token.Key), special);
    }

    private static string? TokenizerClass(string dir)
    {
        var config = Path.Combine(dir, "tokenizer_config.json");
        return File.Exists(config) && JsonElement.Parse(File.ReadAllBytes(config)).TryGetProperty("tokenizer_class", out var name) ? name.GetString() : null;
    }

    public override string Piece(int id) =>
        _pieces.TryGetValue(id, out var piece) ? piece
        : Special.Added.TryGetValue(id, out var token) ? token.Text
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"The vocabulary has {VocabSize} tokens.");

    public override byte[] Bytes(int id) =>
        Special.IsSpecial(id) ? []
        : Special.Added.TryGetValue(id, out var token) ? Encoding.UTF8.GetBytes(token.Text)
        : [.. Piece(id).Select(c => _byteOf[c])];

    private protected override void AppendIds(string text, List<int> ids, bool continues) => ids.AddRange(_bpe.EncodeToIds(text.Normalize(NormalizationForm.FormC)));

    public override string Decode(ReadOnlySpan<int> ids)
    {
        PieceDecoder decoder = new(dropLeadingSpace: false, dropAllLeadingSpaces: false);
        foreach (var id in ids)
        {
            if (Special.Added.TryGetValue(id, out var token))
            {
                decoder.Add(token.Special ? "" : token.Text);
                continue;
            }
            foreach (var c in Piece(id))
            {
                decoder.AddByte(_byteOf[c]);
            }
        }
        return decoder.Finish();
    }

    /// <summary>GPT-2's table: printable bytes stand for themselves, the others for U+0100 and up, in order.</summary>
    private static Dictionary<char, byte> ByteOf()
    {
        Dictionary<char, byte> table = [];
        var next = 0x100;
        for (var value = 0; value < 256; value++)
        {
            var printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            table[(char)(printable ? value : next++)] = (byte)value;
        }
        return table;
    }
}
