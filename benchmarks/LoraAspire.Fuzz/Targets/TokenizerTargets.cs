using System.Globalization;
using System.Text.Json;
using Google.Protobuf;
using LoraAspire.Model;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Fuzz.Targets;

/// <summary>The files of a tokenizer; what loads encodes and decodes.</summary>
internal static class TokenizerTargets
{
    private const string Text = "Hello  world,\n你好 😀 </s> \u00e9\ud800 <0x41>▁a";

    private const string Settings = """
        {"bos_token": {"content": "<s>"}, "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": true, "tokenizer_class": "LlamaTokenizer",
         "added_tokens_decoder": {"0": {"content": "<unk>", "special": true}, "400": {"content": "<extra>", "special": false}}}
        """;

    public static IEnumerable<Target> In(Scratch scratch)
    {
        var sentencePiece = scratch.Folder("sentencepiece");
        yield return new("tokenizer-model", () => [Model()], bytes =>
        {
            Scratch.Write(sentencePiece, "tokenizer.model", bytes);
            Use(sentencePiece);
        }, typeof(ModelException))
        { Words = ["▁", "<0x", ">", "\u0008\u0002"] };
        foreach (var (name, content) in new[]
        {
            ("tokenizer_config.json", Settings), ("added_tokens.json", "{\"<extra>\": 400, \"<more>\": 401}"),
            ("special_tokens_map.json", "{\"bos_token\": \"<s>\", \"eos_token\": {\"content\": \"</s>\"}, \"unk_token\": \"<unk>\"}"),
        })
        {
            var folder = scratch.Folder("sentencepiece-" + name);
            yield return new(name.Split('.')[0].Replace('_', '-'), () => [AllTargets.Utf8(content)], bytes =>
            {
                Scratch.Write(folder, "tokenizer.model", Model());
                Scratch.Write(folder, name, bytes);
                Use(folder);
            }, typeof(ModelException))
            { Words = AllTargets.JsonWords };
        }
        var json = scratch.Folder("tokenizer-json");
        yield return new("tokenizer-json", () => [.. new[] { SentencePieceJson(), ByteLevelJson() }.Select(AllTargets.Utf8)], bytes =>
        {
            Scratch.Write(json, "tokenizer_config.json", AllTargets.Utf8("{\"eos_token\": \"</s>\"}"));
            Scratch.Write(json, "tokenizer.json", bytes);
            Use(json);
        }, typeof(ModelException))
        {
            Words = [.. AllTargets.JsonWords, "\"(a+)+$\"", "\"(?:\"", "\"\\\\p{L}+\"", "\"ByteLevel\"", "\"Metaspace\"", "\"NFC\"",
                "\"▁\"",
            "\"ignore_merges\":true", "\"byte_fallback\":true"]
        };
        var byteLevel = scratch.Folder("byte-level");
        yield return new("vocab-merges",
            () => [AllTargets.Utf8(JsonSerializer.Serialize(Vocabulary()) + "\0#version: 0.2\nh e\nl l\nhe ll\n")], bytes =>
        {
            // Two files in one input, with a NUL between.
            var between = Math.Max(0, Array.IndexOf(bytes, (byte)0));
            Scratch.Write(byteLevel, "tokenizer_config.json",
                AllTargets.Utf8("{\"eos_token\": \"</s>\", \"tokenizer_class\": \"Qwen2Tokenizer\"}"));
            Scratch.Write(byteLevel, "vocab.json", bytes.AsSpan(0, between));
            Scratch.Write(byteLevel, "merges.txt", bytes.AsSpan(between == 0 ? 0 : between + 1));
            Use(byteLevel);
        }, typeof(ModelException))
        { Words = AllTargets.JsonWords };
    }

    private static void Use(string folder)
    {
        var tokenizer = HfTokenizer.Load(folder);
        var ids = tokenizer.Encode(Text, addBos: true);
        tokenizer.Decode(ids.AsSpan());
        tokenizer.DecodeLegacy(tokenizer.EncodeLegacy(Text, addBos: true), skipSpecialTokens: true);
        tokenizer.EncodeContinuation(Text);
        for (var id = 0; id < Math.Min(tokenizer.VocabSize, 500); id++)
        {
            if (tokenizer.Knows(id))
            {
                tokenizer.Piece(id);
                tokenizer.Bytes(id);
            }
        }
    }

    /// <summary>A ModelProto: unknown, begin and end, the bytes, some letters and their joins.</summary>
    internal static byte[] Model()
    {
        using MemoryStream stream = new();
        using (CodedOutputStream output = new(stream, leaveOpen: true))
        {
            foreach (var (text, score, type) in Pieces())
            {
                Message(output, 1, piece =>
                {
                    piece.WriteTag(1, WireFormat.WireType.LengthDelimited);
                    piece.WriteString(text);
                    piece.WriteTag(2, WireFormat.WireType.Fixed32);
                    piece.WriteFloat(score);
                    piece.WriteTag(3, WireFormat.WireType.Varint);
                    piece.WriteEnum(type);
                });
            }
            Message(output, 2, trainer =>
            {
                trainer.WriteTag(3, WireFormat.WireType.Varint);
                trainer.WriteEnum(2);
                trainer.WriteTag(35, WireFormat.WireType.Varint);
                trainer.WriteBool(true);
            });
            Message(output, 3, normalizer =>
            {
                normalizer.WriteTag(4, WireFormat.WireType.Varint);
                normalizer.WriteBool(false);
            });
        }
        return stream.ToArray();
    }

    private static void Message(CodedOutputStream output, int field, Action<CodedOutputStream> write)
    {
        using MemoryStream inner = new();
        using (CodedOutputStream message = new(inner, leaveOpen: true))
        {
            write(message);
        }
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(ByteString.CopyFrom(inner.ToArray()));
    }

    private static IEnumerable<(string Text, float Score, int Type)> Pieces() =>
    [
        ("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), .. Enumerable.Range(0, 256)
            .Select(value => ($"<0x{value.ToString("X2", CultureInfo.InvariantCulture)}>", 0f, 6)),
        .. "▁helowrd,你好a".EnumerateRunes().Select((letter, at) => (letter.ToString(), -100f - at, 1)), ("he", -1, 1), ("ll", -2, 1),
        ("hell", -3, 1), ("▁w", -4, 1), ("user", 0, 4),
    ];

    private static string SentencePieceJson()
    {
        var vocabulary = new Dictionary<string, int>();
        foreach (var (text, _, _) in Pieces().Where(piece => piece.Type != 4))
        {
            vocabulary.TryAdd(text, vocabulary.Count);
        }
        return JsonSerializer.Serialize(new
        {
            added_tokens = new[] { new { id = 1, content = "<s>", special = true }, new { id = 2, content = "</s>", special = true } },
            normalizer = new
            {
                type = "Sequence",
                normalizers = new object[] { new { type = "Prepend", prepend = "▁" },
                new { type = "Replace", pattern = new { String = " " }, content = "▁" } }
            },
            model = new
            {
                type = "BPE",
                byte_fallback = true,
                unk_token = "<unk>",
                vocab = vocabulary,
                merges = new[] { "h e", "l l",
                "he ll", "▁ w" }
            },
        });
    }

    private static string ByteLevelJson() => JsonSerializer.Serialize(new
    {
        added_tokens = new[] { new { id = 300, content = "</s>", special = true } },
        pre_tokenizer = new
        {
            type = "Sequence",
            pretokenizers = new object[] { new { type = "Split", pattern = new { Regex = @"\p{L}+|\p{N}{1,3}|\s+|." },
                behavior = "Isolated", invert = false }, new { type = "ByteLevel", add_prefix_space = false, use_regex = false } }
        },
        post_processor = new { type = "TemplateProcessing", single = new object[] { new { SpecialToken = new { id = "</s>" } } } },
        model = new { type = "BPE", vocab = Vocabulary(), merges = new[] { new[] { "h", "e" }, new[] { "l", "l" }, new[] { "he", "ll" } } },
    });

    /// <summary>GPT-2's letters for the 256 bytes, some joins, and an end.</summary>
    private static Dictionary<string, int> Vocabulary()
    {
        var (vocabulary, next) = (new Dictionary<string, int>(), 0x100);
        for (var value = 0; value < 256; value++)
        {
            var printable = value is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF);
            vocabulary[((char)(printable ? value : next++)).ToString()] = value;
        }
        foreach (var joined in new[] { "he", "ll", "hell", "</s>" })
        {
            vocabulary[joined] = vocabulary.Count;
        }
        return vocabulary;
    }
}
