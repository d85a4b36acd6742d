using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using LoraAspire.Exporter;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Export;
using LoraAspire.Model.Export.Gguf;
using LoraAspire.Model.Generation;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.ExportTests;

[Collection("llama.cpp")]
public sealed class ModelExportTests : IDisposable
{
    private readonly Scratch _scratch = new();

    [Theory]
    [InlineData("pebble", "你是谁？")]
    [InlineData("stories260K", "")]
    public async Task The_same_greedy_text_comes_of_a_prompt(string name, string question)
    {
        var folder = name == "pebble" ? GoldenFolder.Pebble : GoldenFolder.Require(GoldenFolder.SharedData, "models/stories260K");
        var files = Export(folder, new() { Type = GgmlType.F32 });
        var tokenizer = HfTokenizer.Load(folder);
        var text = question.Length == 0 ? "" : $"### Instruction:\n{question}\n\n### Response:\n";
        using var ours = LocalModel.Load(folder, CPU);
        var expected = await ours.CompleteAsync(tokenizer.Encode(text, addBos: true), GenerationOptions.Greedy(24),
            TestContext.Current.CancellationToken);

        using var theirs = LlamaCpp.Load(_scratch.At("out/" + files[0].Name));
        var ids = theirs.Greedy(theirs.Tokenize(text, addBos: true), 24).TakeWhile(id => id != tokenizer.EosId).ToArray();

        Assert.Equal(expected.Trim(), tokenizer.Decode(ids).Trim());
        Assert.NotEqual("", expected.Trim());
    }

    [Fact]
    public void A_model_that_is_quantised_in_its_files_is_refused_in_words()
    {
        var error = Assert.Throws<ModelException>(() => Export(Quantised(), new() { Type = GgmlType.F32 }));

        Assert.Contains("is quantised in its files (bitsandbytes)", error.Message, StringComparison.Ordinal);
        Assert.Contains("export the unquantised model", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Over_a_model_that_Ollama_has_the_adapter_alone_is_written_also_where_its_base_is_quantised()
    {
        LibTorch.Load();
        var adapter = Directory.CreateDirectory(_scratch.At("adapter")).FullName;
        var hidden = ModelConfig.Load(GoldenFolder.Pebble).HiddenSize;
        LoraConfig config = new(2, 4, 0, ["o_proj"]);
        using (Adapter made = new(config, new Dictionary<string, LayerAdapter>
        {
            ["model.layers.0.self_attn.o_proj"] =
                LayerAdapter.Of(config, "model.layers.0.self_attn.o_proj", [randn(2, hidden), randn(hidden, 2)]),
        }))
        {
            made.Save(adapter);
        }

        using var export = ModelExport.Open(Quantised(), adapter, new() { Name = "a", Type = GgmlType.F16, From = "llama3" });

        Assert.Equal("a-lora-F16.gguf", Assert.Single(
            export.Write(Directory.CreateDirectory(_scratch.At("out")).FullName, null, TestContext.Current.CancellationToken)).Name);
        Assert.Contains("FROM llama3", File.ReadAllLines(_scratch.At("out/Modelfile")));
        Assert.Throws<ModelException>(() => ModelExport.Open(Quantised(), adapter, new() { Name = "a", Type = GgmlType.F16 }));
    }

    [Fact]
    public void The_files_are_the_model_a_Modelfile_and_a_card_with_their_digests()
    {
        var files = Export(GoldenFolder.Pebble, new() { Name = "Parrot-1", Type = GgmlType.Q8, System = "Be kind." });

        Assert.Equal(["Modelfile", "Parrot-1-Q8_0.gguf", "README.md"],
            Directory.GetFiles(_scratch.At("out")).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        var digest = Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(_scratch.At("out/Parrot-1-Q8_0.gguf"))));
        Assert.Equal(digest, Assert.Single(files).Sha256);
        Assert.Contains(digest, File.ReadAllText(_scratch.At("out/README.md")));
        var modelfile = File.ReadAllText(_scratch.At("out/Modelfile")).Split('\n');
        Assert.Contains("FROM ./Parrot-1-Q8_0.gguf", modelfile);
        Assert.Contains("SYSTEM \"\"\"Be kind.\"\"\"", modelfile);
        Assert.Contains("PARAMETER stop \"### Instruction:\"", modelfile);
        Assert.Contains("PARAMETER stop \"</s>\"", modelfile);
        Assert.Contains("PARAMETER num_ctx 512", modelfile);
        Assert.Contains(modelfile, line => line.StartsWith("TEMPLATE \"\"\"{{ $first", StringComparison.Ordinal));
    }

    [Fact]
    public void The_metadata_are_those_that_llama_cpp_reads()
    {
        var files = Export(GoldenFolder.Pebble, new() { Type = GgmlType.F16 });
        var metadata = new GgufReader(_scratch.At("out/" + files[0].Name)).Metadata;
        Assert.Equal("llama", metadata["general.architecture"]);
        Assert.Equal(1u, metadata["general.file_type"]);
        Assert.Equal(6u, metadata["llama.block_count"]);
        Assert.Equal(32u, metadata["llama.rope.dimension_count"]);
        Assert.Equal(true, metadata["tokenizer.ggml.add_bos_token"]);
        Assert.Equal(2u, metadata["tokenizer.ggml.eos_token_id"]);
        Assert.Equal(3000, ((object[])metadata["tokenizer.ggml.tokens"]).Length);
        Assert.Contains("ns.first", (string)metadata["tokenizer.chat_template"]);
    }

    [Fact]
    public void Equal_exports_are_equal_to_the_byte()
    {
        var first = Export(GoldenFolder.Pebble, new() { Type = GgmlType.Q4 })[0].Sha256;
        Assert.Equal(first, Export(GoldenFolder.Pebble, new() { Type = GgmlType.Q4 })[0].Sha256);
    }

    [Fact]
    public async Task The_stage_gives_a_folder_or_a_zip_of_the_same_files()
    {
        var folder = await StageAsync(new() { Name = "a" });
        var zip = Assert.Single(Directory.GetFiles(await StageAsync(new() { Name = "a", Zip = true })));

        Assert.Equal("a.zip", Path.GetFileName(zip));
        using var archive = ZipFile.OpenRead(zip);
        Assert.Equal(Directory.GetFiles(folder).Select(Path.GetFileName).Order(StringComparer.Ordinal),
            archive.Entries.Select(entry => entry.FullName));
        Assert.All(archive.Entries, entry =>
        {
            using var stream = entry.Open();
            Assert.Equal(SHA256.HashData(File.ReadAllBytes(Path.Combine(folder, entry.FullName))), SHA256.HashData(stream));
        });
    }

    [Fact]
    public async Task The_layout_for_Hugging_Face_has_what_a_loader_needs_and_nothing_else()
    {
        var folder = Copied();
        File.WriteAllText(Path.Combine(folder, "secrets.env"), "TOKEN=1");
        File.WriteAllText(Path.Combine(folder, "LICENSE"), "Apache-2.0");

        var output = await StageAsync(new() { Name = "parrot", Format = ExportFormat.HuggingFace }, folder);

        Assert.Equal([".gitattributes", "LICENSE", "README.md", "config.json", "generation_config.json", "model.safetensors",
            "prompt_template.json", "special_tokens_map.json", "tokenizer.model", "tokenizer_config.json"],
            Directory.GetFiles(output).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.StartsWith("---\nlibrary_name: transformers\n", File.ReadAllText(Path.Combine(output, "README.md")));
        Assert.Equal(File.ReadAllBytes(Path.Combine(folder, "model.safetensors")),
            File.ReadAllBytes(Path.Combine(output, "model.safetensors")));
    }

    [Theory]
    [InlineData("../x", null, null, "name:")]
    [InlineData("a\nFROM evil", null, null, "name:")]
    [InlineData("", null, null, "name:")]
    [InlineData("a", "three \"\"\" marks", null, "system:")]
    [InlineData("a", "ends in \"", null, "system:")]
    [InlineData("a", null, "x\nSYSTEM y", "from:")]
    [InlineData("a", null, "llama3", "from:")]
    public void A_text_that_would_be_another_line_or_file_is_refused(string name, string? system, string? from, string words) =>
        Assert.Contains(words, Assert.Throws<ModelException>(() =>
            ModelExport.Open(GoldenFolder.Pebble, null, new() { Name = name, System = system, From = from })).Message);

    [Theory]
    [InlineData("vocab_size", "2999", "has 3000 tokens, the model 2999")]
    [InlineData("hidden_size", "128", "config.json makes it")]
    [InlineData("model_type", "\"bert\"", "bert")]
    public void A_folder_that_does_not_fit_itself_is_refused_before_anything_is_written(string field, string value, string words)
    {
        var folder = Copied();
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        config[field] = JsonNode.Parse(value);
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        var error = Assert.Throws<ModelException>(() => ModelExport.Open(folder, null, new()));
        Assert.True(error.Message.Contains(words, StringComparison.Ordinal) || field == "vocab_size", error.Message);
        Assert.Equal(field, new ExportStage().Check(new(new(), new Dictionary<string, string> { ["model"] = folder }, new(_scratch.Path)))
            .Select(_ => field).Single());
    }

    [Fact]
    public async Task Two_tokens_of_one_spelling_and_one_without_become_placeholders()
    {
        await Task.Yield();
        var folder = Directory.CreateDirectory(_scratch.At("twice")).FullName;
        File.Copy(Path.Combine(GoldenFolder.Pebble, "tokenizer.model"), Path.Combine(folder, "tokenizer.model"));
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """
            { "eos_token": "</s>", "added_tokens_decoder": { "3005": { "content": "<x>", "special": true },
              "3006": { "content": "[PAD3001]", "special": true } } }
            """);
        GgufMetadata metadata = new();
        new TokenizerMetadata(folder, HfTokenizer.Load(folder), 3008).Describe(metadata, null);
        GgufWriter.Write(_scratch.At("v.gguf"), metadata, [], () => { }, TestContext.Current.CancellationToken);

        var tokens = (object[])new GgufReader(_scratch.At("v.gguf")).Metadata["tokenizer.ggml.tokens"];

        Assert.Equal(3008, tokens.Distinct().Count());
        Assert.Equal("<x>", tokens[3005]);
        Assert.Equal("[PAD3000]", tokens[3000]);
    }

    public void Dispose() => _scratch.Dispose();

    private IReadOnlyList<ExportedFile> Export(string folder, ExportOptions options)
    {
        using var export = ModelExport.Open(folder, null, options);
        return export.Write(Directory.CreateDirectory(_scratch.At("out")).FullName, null, TestContext.Current.CancellationToken);
    }

    /// <summary>As its config.json has it; its weights are never asked.</summary>
    private string Quantised()
    {
        var folder = Copied();
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!;
        config["quantization_config"] = new JsonObject { ["quant_method"] = "bitsandbytes", ["load_in_8bit"] = true };
        File.WriteAllText(Path.Combine(folder, "config.json"), config.ToJsonString());
        return folder;
    }

    private string Copied()
    {
        var folder = Directory.CreateDirectory(_scratch.At("model")).FullName;
        foreach (var file in Directory.GetFiles(GoldenFolder.Pebble))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
        }
        return folder;
    }

    private async Task<string> StageAsync(ExporterParams with, string? model = null)
    {
        var scratch = Directory.CreateDirectory(_scratch.At(Guid.NewGuid().ToString("N"))).FullName;
        StageContext<ExporterParams> context = new(with, new Dictionary<string, string> { ["model"] = model ?? GoldenFolder.Pebble },
            new(scratch), scratch, scratch, new Progress<StageProgress>());
        await new ExportStage().RunAsync(context, TestContext.Current.CancellationToken);
        return context.OutputDir("export");
    }
}
