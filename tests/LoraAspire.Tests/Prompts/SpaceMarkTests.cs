using System.Text.Json;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;

namespace LoraAspire.Tests.Prompts;

/// <summary>Whether what follows a special token of a template gets a space mark in front, as the tokenizer's own files say.</summary>
public sealed class SpaceMarkTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-space-mark-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("first", "<s>a")]
    [InlineData("always", "<s>▁a")]
    [InlineData("never", "<s>a")]
    public void After_a_special_token_it_stands_where_prepend_scheme_says_so(string scheme, string expected)
    {
        File.WriteAllText(Path.Combine(_folder, "tokenizer.json"), JsonSerializer.Serialize(new
        {
            added_tokens = new[] { new { id = 2, content = "<s>", special = true }, new { id = 0, content = "<unk>", special = true } },
            pre_tokenizer = new { type = "Metaspace", replacement = "▁", prepend_scheme = scheme, split = false },
            model = new
            {
                type = "BPE",
                byte_fallback = true,
                unk_token = "<unk>",
                merges = Array.Empty<string>(),
                vocab = new Dictionary<string, int> { ["<unk>"] = 0, ["a"] = 1, ["<s>"] = 2, ["▁"] = 3 },
            },
        }));
        File.WriteAllText(Path.Combine(_folder, "tokenizer_config.json"), """{"eos_token": "<s>", "add_bos_token": false}""");
        var tokenizer = HfTokenizer.Load(_folder);
        ChatFormat format = new(new("<s>{{ messages[0].content }}", new Dictionary<string, string>()), ChatFormat.RowDate);
        Assert.Equal(expected,
            string.Concat(format.Prompt(new(null, [new("a")]), tokenizer).Select(tokenizer.Piece)));
    }
}
