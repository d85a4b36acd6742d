using LoraAspire.Model;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Tokenizers;

public sealed class HfTokenizerTests
{
    private static readonly string PebbleDir = Path.Combine(GoldenFolder.RepoRoot, "models", "pebble-init");

    private static string NewFolder() => Directory.CreateTempSubdirectory("lora-").FullName;

    [Fact]
    public void The_tiny_base_has_the_ids_that_its_config_names()
    {
        var pebble = HfTokenizer.Load(PebbleDir);
        var config = System.Text.Json.JsonElement.Parse(File.ReadAllBytes(Path.Combine(PebbleDir, "config.json")));
        Assert.Equal(config.GetProperty("vocab_size").GetInt32(), pebble.VocabSize);
        Assert.Equal(config.GetProperty("bos_token_id").GetInt32(), pebble.BosId);
        Assert.Equal(config.GetProperty("eos_token_id").GetInt32(), pebble.EosId);
    }

    [Theory]
    [InlineData("")]
    [InlineData("Translate into Chinese: I like tea.")]
    [InlineData("  two spaces,\n\na tab\t and 你好，鹦鹉 🦜 ")]
    [InlineData("<s> is text, and so is </s>")]
    public void Any_text_comes_back_as_it_was(string text)
    {
        var pebble = HfTokenizer.Load(PebbleDir);
        var ids = pebble.Encode(text, addBos: true);
        Assert.Equal(pebble.BosId, ids[0]);
        Assert.DoesNotContain(ids[1..], id => id <= 2);
        Assert.Equal(text, pebble.Decode(ids));
    }

    [Fact]
    public void A_lone_surrogate_becomes_the_replacement_character()
    {
        var pebble = HfTokenizer.Load(PebbleDir);
        Assert.Equal("a\uFFFDb", pebble.Decode(pebble.Encode("a\uD800b", addBos: false)));
    }

    [Fact]
    public void Threads_share_one_tokenizer()
    {
        var pebble = HfTokenizer.Load(PebbleDir);
        var texts = Enumerable.Range(0, 2000).Select(i => $"Tom has {i} apples and 安娜有{i}个苹果。").ToList();
        Assert.All(texts.AsParallel().AsOrdered().Select(text => (text, pebble.Decode(pebble.Encode(text, addBos: true)))),
            pair => Assert.Equal(pair.text, pair.Item2));
    }

    [Fact]
    public void A_folder_without_a_tokenizer_is_refused_with_the_files_looked_for()
    {
        var folder = NewFolder();
        var error = Assert.Throws<ModelException>(() => HfTokenizer.Load(folder));
        Assert.Contains(folder, error.Message);
        Assert.Contains("tokenizer.model", error.Message);
        Assert.Contains("vocab.json", error.Message);
    }

    [Fact]
    public void A_cut_off_tokenizer_model_is_refused_by_name()
    {
        var folder = NewFolder();
        var bytes = File.ReadAllBytes(Path.Combine(PebbleDir, "tokenizer.model"));
        File.WriteAllBytes(Path.Combine(folder, "tokenizer.model"), bytes[..(bytes.Length / 2 + 1)]);
        Assert.Contains(Path.Combine(folder, "tokenizer.model"), Assert.Throws<ModelException>(() => HfTokenizer.Load(folder)).Message);
        File.WriteAllBytes(Path.Combine(folder, "tokenizer.model"), []);
        Assert.Contains("holds no pieces", Assert.Throws<ModelException>(() => HfTokenizer.Load(folder)).Message);
    }

    [Fact]
    public void Copying_takes_the_tokenizer_files_and_nothing_else()
    {
        var target = Path.Combine(NewFolder(), "model");
        TokenizerFiles.Copy(PebbleDir, target);
        Assert.Equal(["special_tokens_map.json", "tokenizer.model", "tokenizer_config.json"],
            Directory.EnumerateFiles(target).Select(Path.GetFileName).Order(StringComparer.Ordinal)!);
        Assert.Equal(HfTokenizer.Load(PebbleDir).Encode("Hello", addBos: true), HfTokenizer.Load(target).Encode("Hello", addBos: true));
        Assert.Throws<ModelException>(() => TokenizerFiles.Copy(NewFolder(), target));
    }
}
