using System.Security.Cryptography;
using LoraAspire.Merger;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Prompts;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Generation;
using LoraAspire.Tests.Goldens;
using TorchSharp;

namespace LoraAspire.Tests.Merger;

public sealed class MergeStageTests : IDisposable
{
    private readonly DirectoryInfo _scratch = Directory.CreateTempSubdirectory("lora-merge-");
    private readonly string _base = GoldenFolder.Pebble;
    private readonly string _adapter;

    public MergeStageTests()
    {
        LibTorch.Load();
        _adapter = _scratch.CreateSubdirectory("adapter").FullName;
        SaveAdapter(_base, _adapter);
        PromptTemplate.Load("plain").Save(Path.Combine(_adapter, PromptTemplate.FileName));
    }

    [Fact]
    public async Task The_folder_holds_exactly_what_a_loader_needs_and_the_base_is_unchanged()
    {
        var before = Digests(_base);

        var output = await MergeAsync(_base, _adapter);

        Assert.Equal(
            ["README.md", "config.json", "generation_config.json", "merge.json", "model.safetensors", "prompt_template.json",
                "special_tokens_map.json", "tokenizer.model", "tokenizer_config.json"],
            Directory.GetFiles(output).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal(before, Digests(_base));
    }

    [Fact]
    public async Task The_merged_model_speaks_as_the_base_with_the_adapter_does()
    {
        using var merged = LlamaModel.Load(await MergeAsync(_base, _adapter), torch.CPU, torch.float32);
        using var adapter = Adapter.Load(_adapter);
        using var attached = LlamaModel.Load(_base, torch.CPU, torch.float32);
        attached.Attach(adapter);
        using var bare = LlamaModel.Load(_base, torch.CPU, torch.float32);

        Assert.Equal(Story(attached), Story(merged));
        Assert.NotEqual(Story(bare), Story(merged));
    }

    [Fact]
    public async Task A_large_model_is_written_in_shards_that_read_back_as_one()
    {
        var whole = await MergeAsync(_base, _adapter);
        var output = _scratch.CreateSubdirectory("sharded").FullName;
        using var adapter = Adapter.Load(_adapter);

        MergedWeights.Write(_base, adapter, output, 3_000_000, new Progress<StageProgress>(), TestContext.Current.CancellationToken);

        Assert.Contains("model-00001-of-00004.safetensors", Directory.GetFiles(output).Select(Path.GetFileName));
        using WeightFiles one = WeightFiles.Open(whole), many = WeightFiles.Open(output);
        Assert.Equal(one.Tensors.Select(entry => entry.Name).Order(), many.Tensors.Select(entry => entry.Name).Order());
        Assert.All(one.Tensors, entry =>
        {
            using torch.Tensor left = one.Read(entry.Name), right = many.Read(entry.Name);
            Assert.True(left.eq(right).all().item<bool>(), entry.Name);
        });
    }

    [Fact]
    public async Task Merging_twice_gives_the_same_bytes() =>
        Assert.Equal(Digests(await MergeAsync(_base, _adapter)), Digests(await MergeAsync(_base, _adapter)));

    [Fact]
    public async Task An_adapter_for_another_base_is_refused_with_the_tensor_and_both_shapes()
    {
        var other = _scratch.CreateSubdirectory("other").FullName;
        SaveAdapter(_base, other, wider: 8);

        var error = await Assert.ThrowsAsync<StageException>(() => MergeAsync(_base, other));

        Assert.Contains("model.layers.0.self_attn.q_proj", error.Message);
        Assert.Contains("[256, 256]", error.Message);
        Assert.Contains("[256, 264]", error.Message);
    }

    [Fact]
    public async Task An_adapter_for_a_deeper_base_is_refused_with_the_tensor()
    {
        var other = _scratch.CreateSubdirectory("deeper").FullName;
        SaveAdapter(_base, other, firstLayer: 6);

        var error = await Assert.ThrowsAsync<StageException>(() => MergeAsync(_base, other));

        Assert.Contains("model.layers.6.self_attn.q_proj.weight", error.Message);
    }

    [Fact]
    public async Task A_base_without_tokenizer_is_refused()
    {
        var bare = _scratch.CreateSubdirectory("bare").FullName;
        foreach (var name in new[] { "config.json", "model.safetensors" })
        {
            File.Copy(Path.Combine(_base, name), Path.Combine(bare, name));
        }

        var error = await Assert.ThrowsAsync<StageException>(() => MergeAsync(bare, _adapter));

        Assert.Contains("tokenizer", error.Message);
    }

    [Fact]
    public async Task A_truncated_base_is_refused_with_its_file()
    {
        var broken = _scratch.CreateSubdirectory("broken").FullName;
        foreach (var file in Directory.GetFiles(_base))
        {
            File.Copy(file, Path.Combine(broken, Path.GetFileName(file)));
        }
        var weights = Path.Combine(broken, "model.safetensors");
        File.WriteAllBytes(weights, File.ReadAllBytes(weights)[..^100]);

        var error = await Assert.ThrowsAsync<StageException>(() => MergeAsync(broken, _adapter));

        Assert.Contains("model.safetensors", error.Message);
    }

    public void Dispose() => _scratch.Delete(recursive: true);

    private async Task<string> MergeAsync(string baseFolder, string adapter)
    {
        var scratch = Directory.CreateDirectory(Path.Combine(_scratch.FullName, Guid.NewGuid().ToString("N"))).FullName;
        var context = new StageContext<MergerParams>(new MergerParams(),
            new Dictionary<string, string> { ["base"] = baseFolder, ["adapter"] = adapter }, new DataRoot(scratch), scratch, scratch,
            new Progress<StageProgress>());
        await new MergeStage().RunAsync(context, TestContext.Current.CancellationToken);
        return context.OutputDir("model");
    }

    /// <summary>A rank-2 adapter on the first two q_proj that visibly changes the model.</summary>
    private static void SaveAdapter(string baseFolder, string to, int firstLayer = 0, int wider = 0)
    {
        var hidden = ModelConfig.Load(baseFolder).HiddenSize;
        torch.manual_seed(3);
        var config = new LoraConfig(2, 4, 0, ["q_proj"]) { LayersToTransform = [firstLayer, firstLayer + 1] };
        using var adapter = new Adapter(config, Enumerable.Range(firstLayer, 2).Select(layer => $"model.layers.{layer}.self_attn.q_proj")
            .ToDictionary(layer => layer,
                layer => LayerAdapter.Of(config, layer, [torch.randn(2, hidden + wider), torch.randn(hidden, 2)])));
        adapter.Save(to);
    }

    private static int[] Story(LlamaModel model) =>
        [.. GreedyOracle.Tokens(model, [1], 20)];

    private static Dictionary<string, string> Digests(string folder) =>
        Directory.GetFiles(folder)
            .ToDictionary(file => Path.GetFileName(file)!, file => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(file))));
}
