using System.Text.Json;

namespace LoraAspire.Model.Tokenizers;

/// <summary>
/// A SentencePiece BPE model out of the tokenizer.json that was made from it. A piece's score is minus the rank of its first merge. That is
/// the same order of joins only where all pairs that give a piece stand together in the list, as the conversion writes them; another list
/// is refused.
/// </summary>
internal static class SentencePieceJson
{
    /// <exception cref="ModelException">Something in the file that SentencePiece wouldn't do.</exception>
    public static SentencePieceModel Read(TokenizerJson json)
    {
        var ranks = Ranks(json);
        var special = json.Added.Where(token => token.Special).Select(token => token.Id).ToHashSet();
        var size = json.Vocabulary.Count > 0 ? json.Vocabulary.Values.Max() + 1 : throw json.Unknown("it has no vocabulary");
        var pieces = Enumerable.Repeat(new VocabularyPiece("", 0, PieceType.Control), size).ToArray();
        foreach (var (text, id) in json.Vocabulary)
        {
            pieces[id] = text == json.UnkToken ? new(text, 0, PieceType.Unknown)
                : special.Contains(id) ? new(text, 0, PieceType.Control)
                : SentencePieceModel.IsByte(text) ? new(text, 0, PieceType.Byte)
                : ranks.TryGetValue(text, out var rank) ? new(text, -rank, PieceType.Normal)
                // No merge gives it: only a single character is ever found by itself.
                : new(text, float.MinValue, IsCharacter(text) ? PieceType.Normal : PieceType.Control);
        }
        return SentencePieceModel.Of([.. pieces], json.UnkToken is { } unk && json.Vocabulary.TryGetValue(unk, out var unkId) ? unkId : 0,
            HasPrefix(json));
    }

    private static bool IsCharacter(string text) => text.Length == 1 || text.Length == 2 && char.IsSurrogatePair(text[0], text[1]);

    private static Dictionary<string, int> Ranks(TokenizerJson json)
    {
        Dictionary<string, int> ranks = new(StringComparer.Ordinal);
        var before = "";
        for (var i = 0; i < json.Merges.Count; i++)
        {
            var piece = json.Merges[i].Left + json.Merges[i].Right;
            if (piece != before && !ranks.TryAdd(piece, i))
            {
                throw json.Unknown($"the merges that give '{piece}' don't stand together");
            }
            before = piece;
        }
        return ranks;
    }

    /// <summary>Whether a text gets a space mark in front. Anything but that and the spaces' own mark is refused.</summary>
    private static bool HasPrefix(TokenizerJson json)
    {
        var (prefix, marks) = (false, false);
        foreach (var part in json.Parts("normalizer"))
        {
            switch (Type(part))
            {
                case "Prepend" when part.GetProperty("prepend").GetString() == "\u2581": prefix = true; break;
                case "Replace" when part.GetProperty("pattern").TryGetProperty("String", out var from) && from.GetString() == " "
                    && part.GetProperty("content").GetString() == "\u2581":
                    marks = true; break;
                default: throw json.Unknown($"it normalises by {part.GetRawText()}");
            }
        }
        foreach (var part in json.Parts("pre_tokenizer"))
        {
            if (Type(part) != "Metaspace" || part.GetProperty("replacement").GetString() != "\u2581"
                || part.TryGetProperty("split", out var split) && split.GetBoolean())
            {
                throw json.Unknown($"it splits text by {part.GetRawText()}");
            }
            marks = true;
            prefix |= part.TryGetProperty("prepend_scheme", out var scheme) ? scheme.GetString() != "never"
                : part.TryGetProperty("add_prefix_space", out var add) && add.GetBoolean();
        }
        return marks ? prefix : throw json.Unknown("it doesn't mark spaces");
    }

    /// <summary>Whether only the very start of a text gets the space mark (Metaspace with prepend_scheme "first").</summary>
    internal static bool PrefixesOnce(TokenizerJson json) => json.Parts("pre_tokenizer").Any(IsFirst);

    /// <inheritdoc cref="PrefixesOnce(TokenizerJson)"/>
    /// <param name="root">Of a tokenizer.json that nothing else is read of.</param>
    internal static bool PrefixesOnce(JsonElement root) =>
        root.ValueKind == JsonValueKind.Object && root.TryGetProperty("pre_tokenizer", out var part)
        && part.ValueKind == JsonValueKind.Object
        && (IsFirst(part) || part.TryGetProperty("pretokenizers", out var parts) && parts.ValueKind == JsonValueKind.Array
            && parts.EnumerateArray().Any(IsFirst));

    private static bool IsFirst(JsonElement part) => part.ValueKind == JsonValueKind.Object
        && part.TryGetProperty("prepend_scheme", out var scheme) && scheme.ValueKind == JsonValueKind.String && scheme.ValueEquals("first");

    private static string? Type(JsonElement part) => part.GetProperty("type").GetString();
}
