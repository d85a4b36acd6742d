using System.Text.Json;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.ExportTests;

/// <summary>llama.cpp takes a text apart as the model's tokenizer does.</summary>
[Collection("llama.cpp")]
public sealed class TokenizerTests
{
    private static readonly string[] s_texts =
    [
        "Hello, world!", " leading space", "two  spaces and   three", "line\nbreak\n\n  indented\ttab",
        "I'm sure you'LL've 12345 things, 3.14",
        "你好，世界。這是一個測試", "Größe, naïve, Straße", "日本語テスト かな", "emoji 🦜👩‍👩‍👧 end",
        "def f(x):\n    return x ** 2 # comment\n",
        "\r\nDOS\r\n",
        "Привет мир", "مرحبا بالعالم", "x=y;{a:b}", "URL https://example.org/a?b=c&d=1", "ЁЖ ½ ² ⅷ ٣",
        "trailing  ", "a", " ", "\n",
    ];

    public static TheoryData<string> Folders => ["data/tokenizers/llama2", "data/tokenizers/qwen2.5", "data/models/stories260K",
        "repo/models/pebble", "golden/shared/tokenizer"];

    public static TheoryData<string> ByteLevel => ["gpt2", "llama3", "qwen2", "smollm"];

    [Theory, MemberData(nameof(Folders))]
    public void Texts_get_the_ids_of_the_tokenizer(string place) => Compare(Folder(place), AllTexts(place));

    [Theory, MemberData(nameof(ByteLevel))]
    public void Every_known_pattern_cuts_words_alike(string name)
    {
        using Scratch scratch = new();
        var golden = JsonElement.Parse(File.ReadAllBytes(
            Path.Combine(GoldenFolder.RepoRoot, "tests/LoraAspire.Tests/Tokenizers/ByteLevel", name + ".json")));
        File.WriteAllText(scratch.At("tokenizer.json"), golden.GetProperty("tokenizer").GetRawText());
        File.WriteAllText(scratch.At("tokenizer_config.json"), """{"eos_token": "<|end|>"}""");
        Compare(scratch.Path, s_texts.Concat(GoldenFolder.Rows(golden, "cases").Select(item => item.GetProperty("text").GetString()!)));
    }

    private static void Compare(string folder, IEnumerable<string> texts)
    {
        using Scratch scratch = new();
        var ours = HfTokenizer.Load(folder);
        GgufMetadata metadata = new();
        metadata.Add("general.architecture", "llama").Add("llama.context_length", 512).Add("llama.embedding_length", 32)
            .Add("llama.block_count", 1).Add("llama.feed_forward_length", 32).Add("llama.attention.head_count", 1)
            .Add("llama.attention.layer_norm_rms_epsilon", 1e-5f).Add("llama.rope.dimension_count", 32);
        new TokenizerMetadata(folder, ours, ours.VocabSize + 3).Describe(metadata, null);
        GgufWriter.Write(scratch.At("v.gguf"), metadata, [], () => { }, TestContext.Current.CancellationToken);

        using var theirs = LlamaCpp.Load(scratch.At("v.gguf"), vocabOnly: true);

        var wrong = texts.Select(text => Alike(text, ours)).Select(text => (text,
                ours: Words(ours.Encode(text, addBos: true)), theirs: Words(theirs.Tokenize(text, addBos: true))))
            .Where(item => item.ours != item.theirs).ToList();
        Assert.True(wrong.Count == 0, string.Join("\n", wrong.Take(5).Select(item => $"'{item.text}': {item.ours} / {item.theirs}"))
            + $"\n{wrong.Count} differ");
    }

    /// <summary>A text in which nothing is that llama.cpp is known to take otherwise: the export says so of these two.</summary>
    private static string Alike(string text, HfTokenizer tokenizer) => tokenizer switch
    {
        ByteLevelTokenizer { Normalises: true } => text.Normalize(),
        SentencePieceTokenizer { Model.RemoveExtraWhitespaces: true } =>
            string.Join(' ', text.Split(' ', StringSplitOptions.RemoveEmptyEntries)),
        _ => text,
    };

    private static string Words(IEnumerable<int> ids) => string.Join(' ', ids);

    private static IEnumerable<string> AllTexts(string place)
    {
        var examples = JsonElement.Parse(
            File.ReadAllBytes(GoldenFolder.Require(GoldenFolder.SharedData, "tokenizers/example_encodings.json")));
        var own = examples.GetProperty("encodings").TryGetProperty(Path.GetFileName(place), out var encodings)
            ? encodings.EnumerateArray().Select(item => item.GetProperty("text").GetString()!) : [];
        return s_texts.Concat(own);
    }

    private static string Folder(string place) => place.Split('/', 2) switch
    {
        ["data", var rest] => GoldenFolder.Require(GoldenFolder.SharedData, rest),
        ["golden", var rest] => GoldenFolder.Require(GoldenFolder.At(rest), ""),
        [_, var rest] => Path.Combine(GoldenFolder.RepoRoot, rest),
        _ => throw new ArgumentException(place),
    };
}
