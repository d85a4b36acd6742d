using System.Text;
using LoraAspire.DataBuild.Sources;
using LoraAspire.Model;
using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;

namespace LoraAspire.Tests.Model;

/// <summary>Files as a download or a clone leaves them.</summary>
public sealed class FoundFilesTests : IDisposable
{
    private const string Pointer = "version https://git-lfs.github.com/spec/v1\n"
        + "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-").FullName;

    [Theory]
    [InlineData("model.safetensors")]
    [InlineData("pytorch_model.bin")]
    [InlineData("tokenizer.model")]
    [InlineData("tokenizer.json")]
    [InlineData("config.json")]
    [InlineData("records.json")]
    public void A_pointer_that_git_lfs_left_is_told_with_what_to_do(string name)
    {
        var path = Write(name, Encoding.UTF8.GetBytes(Pointer));
        var error = Assert.Throws<ModelException>(() =>
        {
            switch (name)
            {
                case "config.json": ModelConfig.Load(_folder); break;
                case "records.json": new DataFile(name, path).Open().Dispose(); break;
                case ['t', ..]: HfTokenizer.Load(_folder); break;
                default: TensorFile.Open(path).Dispose(); break;
            }
        });
        Assert.StartsWith($"{path} is a git-lfs pointer", error.Message);
        Assert.Contains("git lfs pull", error.Message);
    }

    [Fact]
    public void A_tiktoken_file_gives_way_to_tokenizer_json_beside_it()
    {
        Write("tokenizer.model", "IQ== 0\nIg== 1\n"u8);
        var alone = Assert.Throws<ModelException>(() => HfTokenizer.Load(_folder));
        Assert.Contains("is a tiktoken file", alone.Message);
        Assert.Contains("tokenizer.json", alone.Message);

        Write("tokenizer.json", """
            {"added_tokens": [{"id": 3, "content": "<|end|>", "special": true}],
             "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
             "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "ab": 2}, "merges": ["a b"]}}
            """u8);
        Write("tokenizer_config.json", """{"eos_token": "<|end|>"}"""u8);
        Assert.Equal([2, 0], HfTokenizer.Load(_folder).Encode("aba", addBos: false));
    }

    [Theory]
    [InlineData("\n\u000e\n\u0005<unk>\u0015")] // the start of a SentencePiece model
    [InlineData("hello world\n")]
    [InlineData("IQ==\n")]
    [InlineData("")]
    public void What_is_no_tiktoken_file_is_not_taken_for_one(string text)
    {
        Write("tokenizer.model", Encoding.Latin1.GetBytes(text));
        Assert.DoesNotContain("tiktoken", Assert.Throws<ModelException>(() => HfTokenizer.Load(_folder)).Message);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string Write(string name, ReadOnlySpan<byte> bytes)
    {
        var path = Path.Combine(_folder, name);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
