using System.Text;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;
using LoraAspire.Tests.Goldens;

namespace LoraAspire.Tests.Model;

/// <summary>
/// A model's, an adapter's or a tokenizer's file that holds anything gives a <see cref="ModelException"/> with its name, or is taken;
/// nothing else.
/// </summary>
public sealed class HostileFilesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("lora-hostile-").FullName;

    public static IEnumerable<TheoryDataRow<string, string>> Shared =>
        from one in new[] { ("config.json", "config.json"), ("adapter_config", "adapter_config.json"),
            ("tokenizer.model", "tokenizer.model"), ("safetensors", "model.safetensors") }
        from fault in GoldenFolder.Faults("fuzz-" + one.Item1)
        select new TheoryDataRow<string, string>(fault.Data, one.Item2) { Skip = fault.Skip };

    [Theory, MemberData(nameof(Shared))]
    public void A_file_that_once_brought_its_reader_down_is_read_or_refused_with_its_name(string file, string name)
    {
        File.Copy(Path.Combine(GoldenFolder.SharedCases, file), Path.Combine(_folder, name));

        var error = Record.Exception(() => Read(name));
        Assert.True(error is null || error is ModelException && error.Message.Contains(name, StringComparison.Ordinal), $"{error}");
    }

    [Theory]
    [InlineData("config.json", "{\"\\ud800\": 1}")]
    [InlineData("config.json", "[1]")]
    [InlineData("config.json", "null")]
    [InlineData("config.json", "{\"model_type\": [\"llama\"]}")]
    [InlineData("config.json", "{\"model_type\": \"\\udc00\"}")]
    [InlineData("adapter_config.json", "{\"r\": 8, \"r\": 9, \"rank_pattern\": {\"a\": 1}, \"rank_pattern\": {}}")]
    [InlineData("adapter_config.json", "{\"r\": 1e99, \"lora_alpha\": 16, \"target_modules\": [\"q_proj\"]}")]
    [InlineData("adapter_config.json", "{\"r\": 0, \"lora_alpha\": 16, \"target_modules\": [\"q_proj\"]}")]
    [InlineData("adapter_config.json", "{\"r\": 8, \"lora_alpha\": 1e999, \"target_modules\": [\"q_proj\"]}")]
    [InlineData("adapter_config.json", "{\"r\": 8, \"lora_alpha\": 16, \"target_modules\": [null, 3]}")]
    [InlineData("adapter_config.json", "{\"r\": 8, \"lora_alpha\": 16, \"target_modules\": [\"q_proj\"], \"rank_pattern\": {\"a\": 0}}")]
    [InlineData("adapter_config.json",
        "{\"r\": 8, \"lora_alpha\": 16, \"target_modules\": [\"q_proj\"], \"layers_to_transform\": [\"one\"]}")]
    [InlineData("adapter_config.json", "3")]
    [InlineData("generation_config.json", "[]")]
    [InlineData("generation_config.json", "{\"eos_token_id\": [\"two\"]}")]
    [InlineData("generation_config.json", "{\"eos_token_id\": 1e99}")]
    [InlineData("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"..\"}}")]
    [InlineData("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"x\\u0000y\"}}")]
    [InlineData("model.safetensors.index.json", "{\"weight_map\": {\"a\": 3}}")]
    [InlineData("model.safetensors.index.json", "{\"weight_map\": \"\\ud800\"}")]
    [InlineData("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 2147483647}, \"merges\": []}}")]
    [InlineData("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": -1}, \"merges\": []}}")]
    [InlineData("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 0, \"a\": 1}, \"merges\": []}}")]
    [InlineData("tokenizer.json", "{\"model\": {\"vocab\": {}, \"merges\": [], \"byte_fallback\": true}}")]
    [InlineData("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [[\"a\"]]}}")]
    [InlineData("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [\"\"]}}")]
    [InlineData("tokenizer.json", "{\"model\": {\"vocab\": {\"a\": 0}, \"merges\": [null]}}")]
    [InlineData("tokenizer.json",
        "{\"added_tokens\": [{\"content\": null, \"id\": 1, \"special\": true}], \"model\": {\"vocab\": {\"a\": 0}, \"merges\": [], "
            + "\"byte_fallback\": true}, \"normalizer\": {\"type\": \"Prepend\", \"prepend\": \"▁\"}, \"pre_tokenizer\": {\"type\": "
            + "\"Metaspace\", \"replacement\": \"▁\"}}")]
    [InlineData("tokenizer_config.json", "[]")]
    [InlineData("tokenizer_config.json", "{\"eos_token\": 3}")]
    [InlineData("tokenizer_config.json", "{\"added_tokens_decoder\": {\"x\": {\"content\": \"a\"}}}")]
    [InlineData("tokenizer_config.json", "{\"added_tokens_decoder\": {\"2147483647\": {\"content\": \"a\"}}}")]
    [InlineData("tokenizer_config.json", "{\"added_tokens_decoder\": {\"99999999999\": {\"content\": \"a\"}}}")]
    [InlineData("added_tokens.json", "{\"a\": \"one\"}")]
    [InlineData("added_tokens.json", "[3]")]
    [InlineData("special_tokens_map.json", "{\"unk_token\": [1]}")]
    [InlineData("prompt_template.json",
        "{\"description\": \"\\ud800\", \"prompt_input\": \"{instruction}{input}\", \"prompt_no_input\": \"{instruction}\", "
            + "\"response_split\": \"x\"}")]
    [InlineData("prompt_template.json", "[]")]
    public void A_file_of_other_kinds_than_it_should_hold_is_refused_with_its_name(string name, string content)
    {
        File.WriteAllText(Path.Combine(_folder, name), content);

        Assert.Contains(name, Assert.Throws<ModelException>(() => Read(name)).Message);
    }

    [Theory]
    [InlineData("num_hidden_layers", "2147483647")]
    [InlineData("num_hidden_layers", "1e300")]
    [InlineData("vocab_size", "2147483647")]
    [InlineData("hidden_size", "2147483647")]
    [InlineData("hidden_size", "1")]
    [InlineData("intermediate_size", "2147483647")]
    [InlineData("num_attention_heads", "0")]
    [InlineData("num_attention_heads", "2147483647")]
    [InlineData("num_key_value_heads", "3")]
    [InlineData("num_key_value_heads", "2147483647")]
    [InlineData("head_dim", "7")]
    [InlineData("head_dim", "1048576")]
    [InlineData("rms_norm_eps", "-1")]
    [InlineData("rms_norm_eps", "1e999")]
    [InlineData("rope_theta", "0")]
    [InlineData("rope_theta", "-10000")]
    [InlineData("initializer_range", "-0.02")]
    [InlineData("max_position_embeddings", "0.5")]
    [InlineData("max_position_embeddings", "2147483648")]
    public void A_size_beyond_reason_is_refused_by_its_field_and_takes_no_memory(string field, string value)
    {
        WriteConfig((field, value));
        var before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Contains("config.json: '", Assert.Throws<ModelException>(() => ModelConfig.Load(_folder)).Message);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 4 << 20);
    }

    [Fact]
    public void A_context_of_two_thousand_million_positions_costs_nothing_until_they_are_used()
    {
        WriteConfig(("max_position_embeddings", "2147483647"));
        using var model =
            LlamaModel.Initialize(ModelConfig.Load(_folder), TorchSharp.torch.CPU, TorchSharp.torch.ScalarType.Float32, seed: 1);
        using var tokens = TorchSharp.torch.tensor(new long[] { 1, 2, 3 }, [1, 3]);
        using var logits = model.Forward(tokens);

        Assert.Equal(int.MaxValue, model.Config.Context);
        Assert.Equal([1, 3, 32], logits.shape);
    }

    [Fact]
    public void A_model_without_weights_that_no_memory_holds_is_refused_before_it_is_made()
    {
        WriteConfig(("hidden_size", "1048576"), ("intermediate_size", "8388608"), ("num_hidden_layers", "10000"), ("head_dim", "128"),
            ("num_attention_heads", "4"));

        Assert.Contains("GiB",
            Assert.Throws<ModelException>(() => LlamaModel.Initialize(ModelConfig.Load(_folder), TorchSharp.torch.CPU,
                TorchSharp.torch.ScalarType.Float32, seed: 1)).Message);
    }

    [Theory]
    [InlineData("{\"__metadata__\": 3}")]
    [InlineData("{\"__metadata__\": {\"\\ud800\": \"x\"}}")]
    [InlineData("{\"\\udc00\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}")]
    [InlineData("{\"a\": {\"dtype\": \"F32\", \"shape\": [4611686018427387904, 4], \"data_offsets\": [0, 0]}}")]
    [InlineData("{\"a\": {\"dtype\": \"F32\", \"shape\": [-1, -1], \"data_offsets\": [0, 4]}}")]
    [InlineData("{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 9223372036854775807]}}")]
    [InlineData("{\"a\": {\"dtype\": 3, \"shape\": [1], \"data_offsets\": [0, 4]}}")]
    [InlineData("{\"a\": []}")]
    [InlineData("{\"a\": {\"dtype\": \"F32\", \"shape\": {}, \"data_offsets\": [0, 4]}}")]
    public void A_header_of_weights_that_lies_is_refused_with_the_file(string header)
    {
        var bytes = Encoding.UTF8.GetBytes(header);
        File.WriteAllBytes(Path.Combine(_folder, WeightFiles.Single),
            [.. BitConverter.GetBytes((ulong)bytes.Length), .. bytes, 0, 0, 0, 0]);

        Assert.Contains(WeightFiles.Single,
            Assert.Throws<ModelException>(() => SafetensorsFile.Open(Path.Combine(_folder, WeightFiles.Single))).Message);
    }

    [Fact]
    public void A_pattern_of_words_that_takes_time_without_end_is_left()
    {
        File.WriteAllText(Path.Combine(_folder, "tokenizer.json"), """
            {"model": {"vocab": {"a": 0, "b": 1, "</s>": 2}, "merges": []}, "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
              {"type": "Split", "pattern": {"Regex": "(a+)+$"}, "behavior": "Isolated", "invert": false}, {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]}}
            """);
        File.WriteAllText(Path.Combine(_folder, "tokenizer_config.json"), "{\"eos_token\": \"</s>\"}");

        Assert.Contains("takes longer",
            Assert.Throws<ModelException>(() => HfTokenizer.Load(_folder).Encode(new string('a', 60) + "b", addBos: false)).Message);
    }

    private object Read(string name)
    {
        var path = Path.Combine(_folder, name);
        switch (name)
        {
            case "config.json": return ModelConfig.Load(_folder);
            case "adapter_config.json": return AdapterConfig.Load(_folder);
            case "model.safetensors": return SafetensorsFile.Open(path);
            case "model.safetensors.index.json": return WeightFiles.Open(_folder);
            case "prompt_template.json": return PromptTemplate.Load(path);
            case "generation_config.json":
                return EndTokens.Of(_folder,
                HfTokenizer.Load(Path.Combine(GoldenFolder.RepoRoot, "models", "pebble")));
            case "tokenizer.json" or "tokenizer.model": return HfTokenizer.Load(_folder);
            default:
                File.Copy(Path.Combine(GoldenFolder.RepoRoot, "models", "pebble", "tokenizer.model"),
                    Path.Combine(_folder, "tokenizer.model"));
                return HfTokenizer.Load(_folder);
        }
    }

    private void WriteConfig(params (string Field, string Value)[] changes)
    {
        Dictionary<string, string> fields = new()
        {
            ["model_type"] = "\"llama\"",
            ["vocab_size"] = "32",
            ["hidden_size"] = "16",
            ["intermediate_size"] = "24",
            ["num_hidden_layers"] = "2",
            ["num_attention_heads"] = "4",
            ["num_key_value_heads"] = "2",
            ["max_position_embeddings"] = "64",
        };
        foreach (var (field, value) in changes)
        {
            fields[field] = value;
        }
        File.WriteAllText(Path.Combine(_folder, "config.json"),
            "{" + string.Join(", ", fields.Select(field => $"\"{field.Key}\": {field.Value}")) + "}");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
