using System.Text.Json;
using System.Text.Json.Nodes;
using LoraAspire.Model;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Tokenizers;

public sealed class TokenizerJsonTests
{
    private static string Folder(params (string Name, string Text)[] files)
    {
        var folder = Directory.CreateTempSubdirectory("lora-").FullName;
        foreach (var (name, text) in files)
        {
            File.WriteAllText(Path.Combine(folder, name), text);
        }
        return folder;
    }

    [Fact, Trait("Category", "Goldens")]
    public void Llama_2_by_tokenizer_json_gives_SentencePieces_ids_on_every_golden_text()
    {
        var llama = GoldenFolder.Require(GoldenFolder.SharedData, "tokenizers/llama2");
        var folder = Folder(
            [.. new[] { "tokenizer.json", "tokenizer_config.json" }.Select(name => (name, File.ReadAllText(Path.Combine(llama, name))))]);
        var (byJson, byModel) = (HfTokenizer.Load(folder), HfTokenizer.Load(llama));
        var cases =
            JsonElement.Parse(File.ReadAllBytes(GoldenFolder.Require(GoldenFolder.Root, "tokenizer/roundtrip.json"))).GetProperty("cases");
        Assert.All(cases.EnumerateArray(), item =>
        {
            var text = item.GetProperty("text").GetString()!;
            Assert.Equal(TokenizerGoldenTests.Ints(item.TryGetProperty("sp_ids", out var plain) ? plain : item.GetProperty("ids")),
                byJson.Encode(text, addBos: false));
            Assert.Equal(byModel.EncodeLegacy(text, addBos: true), byJson.EncodeLegacy(text, addBos: true));
            Assert.Equal(byModel.Decode(byModel.Encode(text, addBos: true)), byJson.Decode(byJson.Encode(text, addBos: true)));
        });
        Assert.Equal((byModel.BosId, byModel.EosId, byModel.VocabSize), (byJson.BosId, byJson.EosId, byJson.VocabSize));
    }

    [Fact, Trait("Category", "Goldens")]
    public void Llama_2_by_tokenizer_json_gives_SentencePieces_ids_on_real_records()
    {
        var llama = GoldenFolder.Require(GoldenFolder.SharedData, "tokenizers/llama2");
        var folder = Folder(
            [.. new[] { "tokenizer.json", "tokenizer_config.json" }.Select(name => (name, File.ReadAllText(Path.Combine(llama, name))))]);
        var (byJson, byModel) = (HfTokenizer.Load(folder), HfTokenizer.Load(llama));
        foreach (var file in new[] { "instruct/alpaca_5k.json", "instruct/alpaca_zh_3k.json" })
        {
            foreach (var text in JsonElement.Parse(File.ReadAllBytes(GoldenFolder.Require(GoldenFolder.SharedData, file))).EnumerateArray()
                .Select(row => row.GetProperty("output").GetString()!))
            {
                Assert.Equal(byModel.Encode(text, addBos: false), byJson.Encode(text, addBos: false));
            }
        }
    }

    [Fact, Trait("Category", "Goldens")]
    public void Qwen_by_tokenizer_json_gives_the_ids_of_its_vocabulary_and_merges()
    {
        var qwen = GoldenFolder.Require(GoldenFolder.SharedData, "tokenizers/qwen2.5");
        var merges = File.ReadLines(Path.Combine(qwen, "merges.txt"))
            .Where(line => line.Length > 0 && !line.StartsWith("#version", StringComparison.Ordinal));
        var folder = Folder(
            ("tokenizer.json",
                Bpe(JsonNode.Parse(File.ReadAllText(Path.Combine(qwen, "vocab.json")))!,
                    merges.Select(merge => (JsonNode)merge.Split(' ').Aggregate(new JsonArray(),
                        (pair, part) => { pair.Add(part); return pair; })), QwenWords, "NFC", ignoreMerges: false)),
            ("tokenizer_config.json", File.ReadAllText(Path.Combine(qwen, "tokenizer_config.json"))));
        var (byJson, byFiles) = (HfTokenizer.Load(folder), HfTokenizer.Load(qwen));
        string[] texts =
            ["Hello  world\n\n1234", "你好，世界！ 𠮷野家 𝟏𝟐𝟑", "e\u0301 ﬁn 🙂👨‍👩‍👧 naïve", "I'll DON'T\t  x", "<|im_start|>user"];
        Assert.All(texts, text =>
        {
            Assert.Equal(byFiles.Encode(text, addBos: false), byJson.Encode(text, addBos: false));
            Assert.Equal(text.Normalize(), byJson.Decode(byJson.Encode(text, addBos: false)));
        });
        Assert.DoesNotContain(byJson.Encode("<|im_start|>", addBos: false), id => id >= 151643);
    }

    /// <summary>
    /// Small tokenizers trained on this project's own grammar, and what the tokenizers library makes of 250 odd texts with them; each file
    /// says its version.
    /// </summary>
    [Theory]
    [InlineData("llama3")]
    [InlineData("qwen2")]
    [InlineData("gpt2")]
    [InlineData("smollm")]
    public void Byte_level_tokenizers_give_the_ids_of_the_tokenizers_library(string name)
    {
        var golden = JsonElement.Parse(
            File.ReadAllBytes(Path.Combine(GoldenFolder.RepoRoot, "tests", "LoraAspire.Tests", "Tokenizers", "ByteLevel", name + ".json")));
        var tokenizer = HfTokenizer.Load(Folder(("tokenizer.json", golden.GetProperty("tokenizer").GetRawText()),
            ("tokenizer_config.json", """{"eos_token": "<|end|>"}""")));
        Assert.All(golden.GetProperty("cases").EnumerateArray(), item =>
            Assert.Equal(TokenizerGoldenTests.Ints(item.GetProperty("ids")),
                tokenizer.Encode(item.GetProperty("text").GetString()!, addBos: false)));
    }

    [Fact]
    public void A_word_that_is_in_the_vocabulary_is_kept_whole_where_merges_are_to_be_ignored()
    {
        // By merges "abc" is a|bc, since b+c comes first and no merge gives abc.
        var vocabulary = new JsonObject { ["a"] = 0, ["b"] = 1, ["c"] = 2, ["bc"] = 3, ["abc"] = 4, ["Ġ"] = 5 };
        int[] Ids(bool ignore)
        {
            var folder = Folder(("tokenizer.json", Bpe(vocabulary.DeepClone(), ["b c"], Llama3Words, null, ignore)),
                ("tokenizer_config.json", """{"bos_token": null, "eos_token": "<|end|>"}"""));
            return HfTokenizer.Load(folder).Encode("abc aabc", addBos: true);
        }
        Assert.Equal([4, 5, 0, 0, 3], Ids(ignore: true));
        Assert.Equal([0, 3, 5, 0, 0, 3], Ids(ignore: false));
    }

    [Fact]
    public void Characters_beyond_the_basic_plane_count_once_in_a_word_pattern()
    {
        // Six digits of which each is two UTF-16 units: two words of three, as \\p{N}{1,3} says of characters.
        WordPattern words = new(Llama3Words);
        Assert.Equal([(0, 6), (6, 6)], words.PreTokenize("𝟏𝟐𝟑𝟒𝟓𝟔"));
        Assert.Equal([(0, 3), (3, 2)], words.PreTokenize("a𠮷🙂"));
        // A symbol, a mark, an upper-case letter: 🙂, 𝅥, 𝐀.
        Assert.Equal([(0, 2), (2, 2), (4, 2), (6, 1)], new WordPattern(@"\p{So}|\p{Mc}|\p{Lu}").PreTokenize("🙂𝅥𝐀a"));
    }

    [Theory]
    [InlineData("""{"model": {"type": "Unigram", "vocab": []}}""", "Unigram")]
    [InlineData("""{"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}""", "doesn't cut text into words")]
    [InlineData("""{"normalizer": {"type": "Lowercase"}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}""", "Lowercase")]
    [InlineData("""{"normalizer": {"type": "Lowercase"}, "model": {"type": "BPE", "byte_fallback": true, "vocab": {"a": 0}, "merges": ["""
        + """]}}""", "Lowercase")]
    [InlineData("""{"model": {"type": "BPE", "byte_fallback": true, "vocab": {"a": 0, "b": 1, "ab": 2, "ba": 3, "aba": 4}, "merges": """
        + """["ab a", "a b", "b a", "a ba"]}}""", "don't stand together")]
    [InlineData("""{"pre_tokenizer": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"a": 0}, "merges": []}}""",
        "not a readable tokenizer")]
    [InlineData("""{"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Punctuation"}]}, "model": {"type": "BPE", "vocab": """
        + """{"a": 0}, "merges": []}}""", "Punctuation")]
    [InlineData("""{"pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "[一-龥]+"}, "behavior":"""
        + """ "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false}]}, "model": {"type": "BPE", "vocab": {"a": """
        + """0}, "merges": []}}""", "beyond ASCII")]
    [InlineData("not json", "not a readable tokenizer")]
    public void What_cannot_be_run_exactly_is_refused_with_its_name(string json, string words) =>
        Assert.Contains(words, Assert.Throws<ModelException>(
            () => HfTokenizer.Load(Folder(("tokenizer.json", json), ("tokenizer_config.json", """{"eos_token": "a"}""")))).Message);

    /// <summary>Rows start with BOS only where the model was trained so: SmolLM and Yi name a bos_token that they never add.</summary>
    [Theory]
    [InlineData(""" "add_bos_token": true, """, "null", true)]
    [InlineData(""" "add_bos_token": false, """,
        """{"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|end|>", "type_id": 0}}]}""", false)]
    [InlineData("",
        """{"type": "Sequence", "processors": [{"type": "ByteLevel"}, {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id":"""
            + """ "<|end|>", "type_id": 0}}, {"Sequence": {"id": "A"}}]}]}""", true)]
    [InlineData("", """{"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"SpecialToken": {"id": "<|end|>"}}]}""",
        false)]
    [InlineData("", "null", false)]
    public void A_row_starts_with_BOS_where_the_configuration_or_the_post_processor_adds_it(string config, string processor, bool adds)
    {
        var json = JsonNode.Parse(Bpe(new JsonObject { ["a"] = 0 }, [], Llama3Words, null, ignoreMerges: false))!;
        json["post_processor"] = JsonNode.Parse(processor);
        var tokenizer = HfTokenizer.Load(Folder(("tokenizer.json", json.ToJsonString()),
            ("tokenizer_config.json", $$"""{ {{config}} "bos_token": "<|end|>", "eos_token": "<|end|>"}""")));
        Assert.Equal(adds ? [200_000, 0] : [0], tokenizer.Encode("a", addBos: true));
        Assert.Equal(adds ? 200_000 : -1, tokenizer.BosId);
        Assert.True(tokenizer.HoldsSpecialTokens("a<|end|>"));
    }

    [Fact]
    public void Each_step_splits_the_pieces_of_the_one_before_and_sees_nothing_else()
    {
        // In the whole text the space before "2" would join it; alone, " " is a piece, and so is what lies between matches.
        WordPattern words = new(@"\p{N}", @" ?\p{L}+| ?\p{N}+|\s+");
        Assert.Equal([(0, 2), (2, 1), (3, 1), (4, 1), (5, 1), (6, 2)], words.PreTokenize("ab 12?cd"));
    }

    private const string QwenWords =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Llama3Words =
        @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    private static string Bpe(JsonNode vocabulary, IEnumerable<JsonNode> merges, string words, string? normalizer, bool ignoreMerges) =>
        new JsonObject
        {
            ["added_tokens"] = new JsonArray(new JsonObject { ["id"] = 200_000, ["content"] = "<|end|>", ["special"] = true }),
            ["normalizer"] = normalizer is null ? null : new JsonObject { ["type"] = normalizer },
            ["pre_tokenizer"] = new JsonObject
            {
                ["type"] = "Sequence",
                ["pretokenizers"] = new JsonArray(
                new JsonObject
                {
                    ["type"] = "Split",
                    ["pattern"] = new JsonObject { ["Regex"] = words },
                    ["behavior"] = "Isolated",
                    ["invert"] = false
                },
                new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = false }),
            },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["ignore_merges"] = ignoreMerges,
                ["vocab"] = vocabulary,
                ["merges"] = new JsonArray([.. merges])
            },
        }.ToJsonString();
}
