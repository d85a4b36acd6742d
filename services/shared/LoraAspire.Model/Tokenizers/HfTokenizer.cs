namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// The tokenizer of a Hugging Face model folder. Ids and texts equal those of SentencePiece (<c>tokenizer.model</c>) or of byte-level
/// BPE (<c>vocab.json</c> + <c>merges.txt</c>, as Qwen2), or of either by <c>tokenizer.json</c>. Safe to use from several threads.
/// </summary>
public abstract class HfTokenizer
{
    private protected HfTokenizer(SpecialTokens special) => Special = special;

    /// <summary>Id 0 fills up batches: the models of this kind have no pad token, and the attention mask hides it.</summary>
    public const int PadId = 0;

    private protected SpecialTokens Special { get; }

    /// <summary>Whether an id is left out of decoded text.</summary>
    internal bool IsSpecial(int id) => Special.IsSpecial(id);

    /// <summary>Whether a spelling is that of an added token, special or not.</summary>
    internal bool IsAdded(string piece) => Special.Lists(piece);

    /// <summary>The id that starts a row; -1 when the model has none (Qwen2).</summary>
    public int BosId => Special.BosId ?? -1;

    /// <summary>The id that ends an answer.</summary>
    public int EosId => Special.EosId;

    /// <summary>One more than the largest id, added tokens included.</summary>
    public abstract int VocabSize { get; }

    /// <summary>
    /// The ids of a text. "&lt;/s&gt;" and the like in it are plain letters: a text never yields a special id.
    /// With <paramref name="addBos"/> the row starts with <see cref="BosId"/>, where the model has one.
    /// </summary>
    public int[] Encode(string text, bool addBos)
    {
        List<int> ids = new(text.Length / 3 + 8);
        if (addBos && Special.BosId is { } bos)
        {
            ids.Add(bos);
        }
        AppendIds(text, ids);
        return [.. ids];
    }

    /// <summary>
    /// The ids that the slow tokenizer of transformers 4.x (legacy) gives: special tokens typed in the text become their ids,
    /// and each stretch between them is encoded by itself. Only for repeating what alpaca-lora did.
    /// </summary>
    public int[] EncodeLegacy(string text, bool addBos)
    {
        List<int> ids = new(text.Length / 3 + 8);
        if (addBos && Special.BosId is { } bos)
        {
            ids.Add(bos);
        }
        foreach (var (stretch, id) in Special.Split(text))
        {
            if (id is { } special)
            {
                ids.Add(special);
            }
            else
            {
                AppendIds(stretch, ids);
            }
        }
        return [.. ids];
    }

    /// <summary>Whether a text spells a special token, such as "&lt;/s&gt;".</summary>
    public bool HoldsSpecialTokens(string text) => Special.AreIn(text);

    /// <summary>Whether only a text's very start gets the space mark in front, and not what follows a special token in it.</summary>
    internal virtual bool PrefixesOnce => false;

    /// <summary>Whether a text spells an added token, special or not.</summary>
    internal bool HoldsMarkers(string text) => Special.HasMarkers(text);

    /// <inheritdoc cref="SpecialTokens.Markers"/>
    internal IEnumerable<Marker> Markers(string text, int from, int to) => Special.Markers(text, from, to);

    /// <summary>The text of ids; special ids are left out, bytes that are no UTF-8 become U+FFFD, one each.</summary>
    /// <exception cref="ArgumentOutOfRangeException">An id is not in the vocabulary.</exception>
    public abstract string Decode(ReadOnlySpan<int> ids);

    /// <inheritdoc cref="Decode(ReadOnlySpan{int})"/>
    public string Decode(IEnumerable<int> ids) => Decode(ids.ToArray().AsSpan());

    /// <summary>
    /// The text that the slow tokenizer of transformers 4.x (legacy) gives: like <see cref="Decode(ReadOnlySpan{int})"/>, but the first
    /// token loses a space mark of its own, and each stretch between special tokens is decoded by itself, with a space before a kept one.
    /// </summary>
    public string DecodeLegacy(ReadOnlySpan<int> ids, bool skipSpecialTokens)
    {
        var kept = skipSpecialTokens ? [.. ids.ToArray().Where(id => !Special.IsSpecial(id))] : ids.ToArray();
        System.Text.StringBuilder text = new();
        var start = 0;
        for (var i = 0; i < kept.Length; i++)
        {
            if (!Special.IsSpecial(kept[i]))
            {
                if (i == 1 && start == 1 && !Piece(kept[i]).StartsWith(SentencePieceTokenizer.Space))
                {
                    text.Append(' ');
                }
                continue;
            }
            if (i > 0 && !Special.IsSpecial(kept[i - 1]))
            {
                text.Append(' ');
            }
            text.Append(DecodeStretch(kept.AsSpan(start..i), start == 0)).Append(Piece(kept[i]));
            start = i + 1;
        }
        return text.Append(DecodeStretch(kept.AsSpan(start..), start == 0)).ToString();
    }

    private protected virtual string DecodeStretch(ReadOnlySpan<int> ids, bool first) => Decode(ids);

    /// <summary>
    /// Whether there is a token of this id. A model's head may be wider than its vocabulary, and a vocabulary have holes.
    /// </summary>
    public abstract bool Knows(int id);

    /// <summary>The vocabulary's own spelling of an id, such as "▁Hello" or "&lt;0x0A&gt;".</summary>
    public abstract string Piece(int id);

    /// <summary>The UTF-8 bytes that an id adds to a text, its space mark as a space; none for a special token.</summary>
    public abstract byte[] Bytes(int id);

    /// <summary>The ids of a text that goes on right after another: without the space mark that a text of its own starts with.</summary>
    public int[] EncodeContinuation(string text)
    {
        List<int> ids = new(text.Length / 3 + 8);
        AppendIds(text, ids, continues: true);
        return [.. ids];
    }

    private protected abstract void AppendIds(string text, List<int> ids, bool continues = false);

    /// <summary>Reads the tokenizer of a model folder.</summary>
    /// <exception cref="ModelException">No tokenizer there (the message names the files looked for), a damaged one, or one that cannot be
    /// run exactly.</exception>
    public static HfTokenizer Load(string dir)
    {
        var (model, json) = (Path.Combine(dir, "tokenizer.model"), Path.Combine(dir, "tokenizer.json"));
        var isTiktoken = File.Exists(model) && TiktokenFile.Is(model);
        if (File.Exists(model) && !isTiktoken)
        {
            return SentencePieceTokenizer.Load(dir);
        }
        if (File.Exists(json))
        {
            return TokenizerJson.Read(json, HfTokenizer (read) =>
                read.IsSentencePiece ? SentencePieceTokenizer.Load(dir, read) : ByteLevelTokenizer.Load(dir, read));
        }
        if (File.Exists(Path.Combine(dir, "vocab.json")) && File.Exists(Path.Combine(dir, "merges.txt")))
        {
            return ByteLevelTokenizer.Load(dir);
        }
        throw new ModelException(isTiktoken
            ? $"{model} is a tiktoken file, Meta's own form: it can't be run alone. Copy the model's tokenizer.json beside it."
            : $"No tokenizer in {dir}: looked for tokenizer.model, for tokenizer.json, and for vocab.json with merges.txt. Copy the "
                + "tokenizer files of the base model into it.");
    }
}
