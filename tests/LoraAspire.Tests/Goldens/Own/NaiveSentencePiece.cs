using System.Text;
using System.Text.RegularExpressions;

namespace LoraAspire.Tests.Goldens.Own;

/// <summary>
/// SentencePiece's BPE (Kudo 2018) as one would do it by hand: spaces become ▁ and one goes before; of all neighbours the pair whose piece
/// has the best score is
/// joined, the first of equals, until there is none; a character that is no piece becomes its UTF-8 bytes.
/// </summary>
internal sealed class NaiveSentencePiece(IReadOnlyList<(string Text, float Score, int Type)> pieces)
{
    public const int Normal = 1, Unknown = 2, Control = 3, Byte = 6;

    private readonly Dictionary<string, int> _ids =
        pieces.Select((piece, id) => (piece, id)).Where(one => one.piece.Type == Normal).ToDictionary(one => one.piece.Text, one => one.id);
    private readonly Dictionary<byte, int> _bytes = pieces.Select((piece, id) => (piece, id)).Where(one => one.piece.Type == Byte)
        .ToDictionary(one => Convert.ToByte(one.piece.Text[3..5], 16), one => one.id);

    public int[] Encode(string text)
    {
        if (text.Length == 0)
        {
            return [];
        }
        List<string> symbols = [.. ("▁" + text.Replace(' ', '▁')).EnumerateRunes().Select(rune => rune.ToString())];
        while (true)
        {
            var best = Enumerable.Range(0, symbols.Count - 1).Where(i => _ids.ContainsKey(symbols[i] + symbols[i + 1]))
                .OrderByDescending(i => pieces[_ids[symbols[i] + symbols[i + 1]]].Score).FirstOrDefault(-1); // the order is stable
            if (best < 0)
            {
                return [.. symbols.SelectMany(
                    symbol => _ids.TryGetValue(symbol, out var id) ? [id] : Encoding.UTF8.GetBytes(symbol).Select(one => _bytes[one]))];
            }
            symbols[best] += symbols[best + 1];
            symbols.RemoveAt(best + 1);
        }
    }

    /// <summary>
    /// As the slow tokenizer of transformers 4: special tokens in the text are themselves, and each stretch between stands alone.
    /// </summary>
    public int[] EncodeLegacy(string text) =>
        [.. Regex.Split(text, "(<unk>|<s>|</s>)")
            .SelectMany(part => part switch { "<unk>" => [0], "<s>" => [1], "</s>" => [2], _ => Encode(part) })];

    /// <summary>Bytes that are no UTF-8 become U+FFFD, one each; a first piece's space goes.</summary>
    public string Decode(IReadOnlyList<int> ids)
    {
        var text = new StringBuilder();
        List<byte> bytes = [];
        foreach (var (piece, i) in ids.Select((id, i) => (Piece: pieces[id], i))
            .Append((Piece: (Text: "", Score: 0f, Type: Control), ids.Count)))
        {
            if (piece.Type == Byte)
            {
                bytes.Add(Convert.ToByte(piece.Text[3..5], 16));
                continue;
            }
            for (var at = 0; at < bytes.Count;)
            {
                var valid = Rune.DecodeFromUtf8([.. bytes[at..]], out var rune, out var length) == System.Buffers.OperationStatus.Done;
                text.Append(valid ? rune.ToString() : "\ufffd");
                at += valid ? length : 1;
            }
            bytes.Clear();
            text.Append(piece.Type switch
            {
                Control => "",
                Unknown => " ⁇ ",
                _ =>
                piece.Text.Replace('▁', ' ')[(i == 0 && piece.Text.StartsWith('▁') ? 1 : 0)..]
            });
        }
        return text.ToString();
    }

    /// <summary>Pieces of every character of a text and of its most frequent pairs, pair by pair.</summary>
    public static NaiveSentencePiece Train(string text, int merges)
    {
        List<(string, float, int)> pieces = [("<unk>", 0, Unknown), ("<s>", 0, Control), ("</s>", 0, Control)];
        pieces.AddRange(Enumerable.Range(0, 256).Select(one => ($"<0x{one:X2}>", 0f, Byte)));
        List<List<string>> words =
            [.. text.Split(' ').Select(word => ("▁" + word).EnumerateRunes().Select(rune => rune.ToString()).ToList())];
        var characters = words.SelectMany(word => word).Distinct().Order(StringComparer.Ordinal).ToList();
        for (var merge = 0; merge < merges; merge++)
        {
            var pair = words.SelectMany(word => word.Zip(word.Skip(1))).CountBy(two => two).OrderByDescending(two => two.Value)
                .ThenBy(two => two.Key.First + two.Key.Second, StringComparer.Ordinal)
                .First().Key;
            pieces.Add((pair.First + pair.Second, -merge, Normal));
            foreach (var word in words)
            {
                for (var i = 0; i + 1 < word.Count; i++)
                {
                    if ((word[i], word[i + 1]) == pair)
                    {
                        word[i] += word[i + 1];
                        word.RemoveAt(i + 1);
                    }
                }
            }
        }
        pieces.AddRange(characters.Select((character, i) => (character, (float)(-merges - i), Normal)));
        return new([.. pieces.DistinctBy(piece => piece.Item1)]);
    }

    /// <summary>
    /// sentencepiece_model.proto: pieces {text 1, score 2, type 3} in field 1; trainer_spec 2 {model_type 3 = BPE, byte_fallback 35};
    /// normalizer_spec 3.
    /// </summary>
    public void Save(string path)
    {
        var file = new MemoryStream();
        foreach (var (text, score, type) in pieces)
        {
            var utf8 = Encoding.UTF8.GetBytes(text);
            Field(file, 1, [0x0a, (byte)utf8.Length, .. utf8, 0x15, .. BitConverter.GetBytes(score), 0x18, (byte)type]);
        }
        Field(file, 2, [0x18, 2, 0x98, 2, 1]);
        Field(file, 3, [0x18, 1, 0x20, 0, 0x28, 1]);
        File.WriteAllBytes(path, file.ToArray());
    }

    /// <summary>Only the pieces of a file, whose texts are shorter than 128 bytes each.</summary>
    public static NaiveSentencePiece Load(string path)
    {
        var file = File.ReadAllBytes(path);
        List<(string, float, int)> pieces = [];
        for (var at = 0; at < file.Length && file[at] == 0x0a;)
        {
            var piece = file.AsSpan(at + 2, file[at + 1]);
            var length = piece[1];
            pieces.Add((Encoding.UTF8.GetString(piece.Slice(2, length)), BitConverter.ToSingle(piece.Slice(3 + length, 4)),
                piece.Length > 7 + length ? piece[8 + length] : Normal));
            at += 2 + piece.Length;
        }
        return new(pieces);
    }

    private static void Field(MemoryStream file, int number, byte[] bytes) =>
        file.Write([(byte)((number << 3) | 2), (byte)bytes.Length, .. bytes]);
}
