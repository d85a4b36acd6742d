using System.Text;
using System.Text.Json;
using Microsoft.ML.Tokenizers;

namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// Byte-level BPE (GPT-2's kind): Qwen2's by vocab.json and merges.txt, Llama-3's and others by tokenizer.json. The merging is
/// Microsoft.ML.Tokenizers'.
/// </summary>
internal sealed class ByteLevelTokenizer : HfTokenizer
{
    internal const string QwenWords =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    internal const string Gpt2Words = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    private readonly BpeTokenizer _bpe;
    private readonly WordPattern _words;
    private readonly bool _normalises;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>>? _whole;
    private readonly Dictionary<int, string> _pieces;
    private readonly Dictionary<char, byte> _byteOf = ByteOf();
    private readonly char[] _letterOf = [.. ByteOf().OrderBy(pair => pair.Value).Select(pair => pair.Key)];

    private ByteLevelTokenizer(BpeTokenizer bpe, Dictionary<string, int> vocabulary, WordPattern words, bool normalises, bool wholeWords,
        SpecialTokens special) : base(special)
    {
        (_bpe, _words, _normalises) = (bpe, words, normalises);
        _whole = wholeWords ? vocabulary.GetAlternateLookup<ReadOnlySpan<char>>() : null;
        _pieces = [];
        foreach (var (piece, id) in vocabulary)
        {
            _pieces.TryAdd(id, piece);
        }
        VocabSize = special.Added.Keys.Concat(_pieces.Keys).Max() + 1;
    }

    public override int VocabSize { get; }

    /// <summary>The regular expressions that cut words, in order.</summary>
    internal IReadOnlyList<string> WordPatterns => _words.Patterns;

    /// <summary>Whether a text is brought to NFC first.</summary>
    internal bool Normalises => _normalises;

    /// <summary>Whether a word that is in the vocabulary is never taken apart.</summary>
    internal bool KeepsWholeWords => _whole is not null;

    /// <summary>Whether an id is of the vocabulary proper, and not only an added token.</summary>
    internal bool IsPiece(int id) => _pieces.ContainsKey(id);

    internal static new ByteLevelTokenizer Load(string dir)
    {
        if (TokenizerClass(dir) is { } name && !name.StartsWith("Qwen2", StringComparison.Ordinal))
        {
            throw new ModelException($"The byte-level BPE in {dir} is a {name}, whose word pattern is not in vocab.json and merges.txt. "
                + "Put the model's tokenizer.json in the folder.");
        }
        var vocabulary = JsonFile.Read(Path.Combine(dir, "vocab.json"), "vocabulary", root => root.EnumerateObject()
            .ToDictionary(token => token.Name, token => Vocabularies.Id(token.Name, token.Value), StringComparer.Ordinal));
        return Create(dir, vocabulary, ListedMerges(dir), new WordPattern(QwenWords), normalises: true, wholeWords: false, [],
            addsBos: false);
    }

    /// <summary>The merges of the tokenizer in a folder, in order, as pairs with a space between.</summary>
    internal static IReadOnlyList<string> MergesOf(string dir) => Path.Combine(dir, "tokenizer.json") is var json && File.Exists(json)
        ? TokenizerJson.Read(json, read => read.Merges.Select(merge => $"{merge.Left} {merge.Right}").ToList())
        : [.. ListedMerges(dir)];

    private static IEnumerable<string> ListedMerges(string dir) =>
        Encoding.UTF8.GetString(WholeFile.Read(Path.Combine(dir, "merges.txt"), "list of merges")).Split('\n')
            .Select(line => line.TrimEnd('\r'))
            .Where(line => line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal));

    /// <exception cref="ModelException">A word pattern or normalisation that isn't known.</exception>
    internal static ByteLevelTokenizer Load(string dir, TokenizerJson json)
    {
        var normalises = false;
        foreach (var part in json.Parts("normalizer"))
        {
            normalises = part.GetProperty("type").GetString() == "NFC" ? true : throw json.Unknown($"it normalises by {part.GetRawText()}");
        }
        var parts = json.Parts("pre_tokenizer");
        var patterns = parts.Select(part => Pattern(json, part)).OfType<string>().ToList();
        if (patterns.Find(pattern => !Ascii.IsValid(pattern)) is { } spelled)
        {
            // A character beyond U+FFFF would be taken for another that the pattern spells.
            throw json.Unknown(
                $"it splits text by a pattern that spells characters beyond ASCII ({spelled[..Math.Min(spelled.Length, 40)]}…)");
        }
        return patterns.Count > 0 && parts[^1].GetProperty("type").GetString() == "ByteLevel"
            ? Create(dir, json.Vocabulary, json.Merges.Select(merge => $"{merge.Left} {merge.Right}"), new WordPattern(patterns),
                normalises, json.IgnoreMerges, json.Added, json.AddsBos)
            : throw json.Unknown("it doesn't cut text into words");
    }

    /// <summary>The regular expression that a step of the pre-tokenizer splits by; null where it splits no further.</summary>
    private static string? Pattern(TokenizerJson json, JsonElement part) => part.GetProperty("type").GetString() switch
    {
        "Split" when part.GetProperty("behavior").GetString() == "Isolated" && !part.GetProperty("invert").GetBoolean()
            && part.GetProperty("pattern").TryGetProperty("Regex", out var regex) => regex.GetString(),
        "Digits" => part.GetProperty("individual_digits").GetBoolean() ? @"\p{N}" : @"\p{N}+",
        "ByteLevel" when !part.GetProperty("add_prefix_space").GetBoolean() =>
            part.TryGetProperty("use_regex", out var own) && !own.GetBoolean() ? null : Gpt2Words,
        _ => throw json.Unknown($"it splits text by {part.GetRawText()}"),
    };

    private static ByteLevelTokenizer Create(string dir, Dictionary<string, int> vocabulary, IEnumerable<string> merges, WordPattern words,
        bool normalises, bool wholeWords, IEnumerable<AddedToken> added, bool addsBos)
    {
        var bpe = Merging(dir, vocabulary, merges, words);
        var special = SpecialTokens.Load(dir, text => vocabulary.TryGetValue(text, out var id) ? id : null,
            id => vocabulary.First(token => token.Value == id).Key, null, null, null, added, addsBos);
        return new(bpe, vocabulary, words, normalises, wholeWords, special);
    }

    private static BpeTokenizer Merging(string dir, Dictionary<string, int> vocabulary, IEnumerable<string> merges, WordPattern words)
    {
        try
        {
            return BpeTokenizer.Create(new BpeOptions(vocabulary) { Merges = merges, ByteLevel = true, PreTokenizer = words });
        }
        // A merge that is no pair, or of pieces that the vocabulary doesn't have.
        catch (Exception error) when (error is ArgumentException or InvalidOperationException or InvalidDataException
            or KeyNotFoundException or FormatException)
        {
            throw new ModelException($"The vocabulary and the merges of the tokenizer in {dir} don't fit each other: {error.Message} "
                + "Copy them again from the base model.", error);
        }
    }

    private static string? TokenizerClass(string dir)
    {
        var config = Path.Combine(dir, "tokenizer_config.json");
        return File.Exists(config) ? JsonFile.Read(config, "tokenizer file",
            root => root.TryGetProperty("tokenizer_class", out var name) ? name.GetString() : null) : null;
    }

    public override string Piece(int id) =>
        _pieces.TryGetValue(id, out var piece) ? piece
        : Special.Added.TryGetValue(id, out var token) ? token.Text
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"The vocabulary has {VocabSize} tokens.");

    public override byte[] Bytes(int id) =>
        Special.IsSpecial(id) ? []
        : Special.Added.TryGetValue(id, out var token) ? Encoding.UTF8.GetBytes(token.Text)
        : Bytes(Piece(id));

    /// <summary>A piece with another character in it is no byte-level one and stands for itself, as in the tokenizers library.</summary>
    private byte[] Bytes(string piece) =>
        piece.All(_byteOf.ContainsKey) ? [.. piece.Select(letter => _byteOf[letter])] : Encoding.UTF8.GetBytes(piece);

    public override bool Knows(int id) => _pieces.ContainsKey(id) || Special.Added.ContainsKey(id);

    private protected override void AppendIds(string text, List<int> ids, bool continues)
    {
        if (text.AsSpan().ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            // A lone surrogate becomes U+FFFD, as in the UTF-8 that the tokenizers library would get.
            text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
        }
        text = _normalises ? text.Normalize(NormalizationForm.FormC) : text;
        if (_whole is not { } whole)
        {
            ids.AddRange(_bpe.EncodeToIds(text));
            return;
        }
        foreach (var (start, length) in _words.PreTokenize(text))
        {
            var word = text.AsSpan(start, length);
            if (whole.TryGetValue(Spelled(word), out var id))
            {
                ids.Add(id);
            }
            else
            {
                ids.AddRange(_bpe.EncodeToIds(word, considerPreTokenization: false));
            }
        }
    }

    /// <summary>The word's UTF-8 bytes in GPT-2's letters.</summary>
    private string Spelled(ReadOnlySpan<char> word)
    {
        Span<byte> bytes = new byte[Encoding.UTF8.GetByteCount(word)];
        Encoding.UTF8.GetBytes(word, bytes);
        StringBuilder letters = new(bytes.Length);
        foreach (var value in bytes)
        {
            letters.Append(_letterOf[value]);
        }
        return letters.ToString();
    }

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
            foreach (var value in Bytes(Piece(id)))
            {
                decoder.AddByte(value);
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
