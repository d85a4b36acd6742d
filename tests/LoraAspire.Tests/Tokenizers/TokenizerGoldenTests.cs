using System.Text.Json;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Tokenizers;

[Trait("Category", "Goldens")]
public sealed class TokenizerGoldenTests
{
    public static TheoryData<string> Tokenizers => GoldenFolder.Cases("", "tokenizer", holding: "roundtrip.json");

    private static JsonElement Roundtrip(string name) =>
        JsonElement.Parse(File.ReadAllBytes(Path.Combine(GoldenFolder.At(name), "roundtrip.json")));

    private static HfTokenizer Llama(string name) => HfTokenizer.Load(GoldenFolder.At(name));

    internal static int[] Ints(JsonElement array) => [.. array.EnumerateArray().Select(id => id.GetInt32())];

    private static JsonElement PlainOr(JsonElement item, string plain, string other) =>
        item.TryGetProperty(plain, out var found) ? found : item.GetProperty(other);

    [Theory, MemberData(nameof(Tokenizers))]
    public void Texts_give_the_ids_of_plain_SentencePiece(string name)
    {
        var llama = Llama(name);
        foreach (var item in GoldenFolder.Rows(Roundtrip(name), "cases"))
        {
            Assert.Equal(Ints(PlainOr(item, "sp_ids", "ids")), llama.Encode(item.GetProperty("text").GetString()!, addBos: false));
        }
    }

    [Theory, MemberData(nameof(Tokenizers))]
    public void Texts_give_the_ids_of_the_slow_tokenizer_when_its_special_tokens_are_wanted(string name)
    {
        var llama = Llama(name);
        foreach (var item in GoldenFolder.Rows(Roundtrip(name), "cases"))
        {
            Assert.Equal([1, .. Ints(item.GetProperty("ids"))], llama.EncodeLegacy(item.GetProperty("text").GetString()!, addBos: true));
        }
    }

    [Theory, MemberData(nameof(Tokenizers))]
    public void Ids_give_the_texts_of_SentencePiece(string name)
    {
        var llama = Llama(name);
        var goldens = Roundtrip(name);
        foreach (var item in GoldenFolder.Rows(goldens, "cases"))
        {
            Assert.Equal(PlainOr(item, "sp_decoded", "decoded").GetString(), llama.Decode(Ints(PlainOr(item, "sp_ids", "ids"))));
        }
        foreach (var item in GoldenFolder.Rows(goldens, "decode_only"))
        {
            Assert.Equal(PlainOr(item, "sp_decoded", "decoded").GetString(), llama.Decode(Ints(item.GetProperty("ids"))));
        }
    }

    [Theory, MemberData(nameof(Tokenizers))]
    public void Ids_give_the_texts_of_the_slow_tokenizer(string name)
    {
        var llama = Llama(name);
        var goldens = Roundtrip(name);
        foreach (var item in GoldenFolder.Rows(goldens, "cases"))
        {
            int[] ids = [1, .. Ints(item.GetProperty("ids"))];
            Assert.Equal(item.GetProperty("decoded").GetString(), llama.DecodeLegacy(ids, skipSpecialTokens: true));
            Assert.Equal(item.GetProperty("decoded_with_special").GetString(), llama.DecodeLegacy(ids, skipSpecialTokens: false));
        }
        foreach (var item in GoldenFolder.Rows(goldens, "decode_only"))
        {
            Assert.Equal(item.GetProperty("decoded").GetString(),
                llama.DecodeLegacy(Ints(item.GetProperty("ids")), skipSpecialTokens: true));
            Assert.Equal(item.GetProperty("decoded_with_special").GetString(),
                llama.DecodeLegacy(Ints(item.GetProperty("ids")), skipSpecialTokens: false));
        }
    }

    [Theory]
    [InlineData("llama2", "tokenizers/llama2")]
    [InlineData("stories260K", "models/stories260K")]
    [InlineData("qwen2.5", "tokenizers/qwen2.5")]
    public void Published_tokenizers_give_their_example_ids_and_the_texts_again(string name, string folder)
    {
        var examples =
            JsonElement.Parse(File.ReadAllBytes(GoldenFolder.Require(GoldenFolder.SharedData, "tokenizers/example_encodings.json")));
        var tokenizer = HfTokenizer.Load(GoldenFolder.Require(GoldenFolder.SharedData, folder));
        foreach (var item in examples.GetProperty("encodings").GetProperty(name).EnumerateArray())
        {
            Assert.Equal(Ints(item.GetProperty("ids")), tokenizer.Encode(item.GetProperty("text").GetString()!, addBos: false));
        }
        var text = examples.GetProperty("encodings").GetProperty(name)[3].GetProperty("text").GetString()!;
        Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, addBos: true)));
    }
}
