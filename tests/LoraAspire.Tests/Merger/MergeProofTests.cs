using System.Text.Json;
using LoraAspire.Merger;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Merger;

public sealed class MergeProofTests : IDisposable
{
    private readonly DirectoryInfo _scratch = Directory.CreateTempSubdirectory("lora-proof-");
    private readonly List<string> _said = [];
    private readonly WrittenDigests _digests = new();

    public MergeProofTests() => LibTorch.Load();

    [Fact]
    public async Task A_merged_model_says_on_ten_prompts_what_base_and_adapter_say_and_tells_of_it()
    {
        var merged = await MergeAsync(GoldenFolder.Pebble, [MakeAdapter("a", seed: 3)]);

        var proof = MergeRecord.Of(merged)!.Proof!;
        Assert.Equal((10, 10), (proof.Prompts, proof.SameNextToken));
        Assert.InRange(proof.LargestDifference, 0, proof.Limit);
        Assert.True(proof.Effect > proof.Limit, proof.Words);
        Assert.Contains(_said, message => message.Contains(proof.Words, StringComparison.Ordinal));
        Assert.DoesNotContain("words", File.ReadAllText(Path.Combine(merged, MergeRecord.FileName)), StringComparison.OrdinalIgnoreCase);
        Assert.Contains(proof.Words, File.ReadAllText(Path.Combine(merged, "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_the_adapter_never_went_into_is_far_over_the_limit()
    {
        using var adapter = Adapter.Load(MakeAdapter("a", seed: 3));

        var proof = MergeProof.Of(GoldenFolder.Pebble, adapter, GoldenFolder.Pebble, [], null,
            new Progress<StageProgress>(), TestContext.Current.CancellationToken);

        Assert.True(proof.LargestDifference > proof.Limit, proof.Words);
    }

    [Fact]
    public async Task A_difference_over_the_limit_fails_the_stage_with_the_numbers()
    {
        var error = await Assert.ThrowsAsync<StageException>(() => MergeAsync(GoldenFolder.Pebble, [MakeAdapter("a", seed: 3)],
            new() { Dtype = WeightType.Bfloat16, VerifyLimit = 1e-9 }));

        Assert.Contains("on 10 prompts", error.Message, StringComparison.Ordinal);
        Assert.Contains("verify_limit", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_same_adapter_is_refused_by_a_model_that_holds_it_already()
    {
        var adapter = MakeAdapter("a", seed: 3);
        var merged = await MergeAsync(GoldenFolder.Pebble, [adapter]);

        var error = await Assert.ThrowsAsync<StageException>(() => MergeAsync(merged, [adapter]));

        Assert.Contains("in this base already", error.Message, StringComparison.Ordinal);
        var twice = MergeRecord.Of(await MergeAsync(merged, [MakeAdapter("b", seed: 4)]))!;
        Assert.Equal(2, twice.Adapters.Count);
    }

    [Fact]
    public async Task Two_adapters_with_weights_change_each_weight_by_their_weighted_sum()
    {
        string first = MakeAdapter("a", seed: 3), second = MakeAdapter("b", seed: 4, layers: 3);

        var merged = await MergeAsync(GoldenFolder.Pebble, [first, second], new() { Weights = [0.5, -2], Dtype = WeightType.Float32 });

        using WeightFiles before = WeightFiles.Open(GoldenFolder.Pebble), after = WeightFiles.Open(merged);
        using Adapter one = Adapter.Load(first), two = Adapter.Load(second);
        foreach (var (layer, own) in two.Layers)
        {
            using var scope = NewDisposeScope();
            var expected = before.Read(layer + ".weight") + (Delta(own) * -2);
            expected = one.Layers.TryGetValue(layer, out var other) ? expected + (Delta(other) * 0.5) : expected;
            // Sums in another order: a few units in float32's last place of values below 10.
            Assert.True((expected - after.Read(layer + ".weight")).abs().max().item<float>() < 1e-5f, layer);
        }
    }

    [Theory]
    [InlineData(WeightType.Bfloat16, "bfloat16")]
    [InlineData(WeightType.Float16, "float16")]
    public async Task Another_type_of_weights_is_written_and_told_to_loaders(WeightType type, string name)
    {
        var merged = await MergeAsync(GoldenFolder.Pebble, [MakeAdapter("a", seed: 3)], new() { Dtype = type });

        using var config = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(merged, "config.json")));
        using var files = WeightFiles.Open(merged);
        Assert.Equal(name, config.RootElement.GetProperty(config.RootElement.TryGetProperty("dtype", out _) ? "dtype" : "torch_dtype")
            .GetString());
        Assert.All(files.Tensors, tensor => Assert.Equal(ModelConfig.Load(merged).TorchDtype, tensor.Dtype));
    }

    /// <summary>In one file, and in several that are made at once.</summary>
    [Theory]
    [InlineData(float.NaN, 4096)]
    [InlineData(float.PositiveInfinity, 1)]
    public async Task A_value_that_is_not_finite_ends_the_merge_with_the_tensor(float value, int shard)
    {
        var adapter = MakeAdapter("a", seed: 3, broken: value);

        var error = await Assert.ThrowsAsync<StageException>(
            () => MergeAsync(GoldenFolder.Pebble, [adapter], new() { MaxShardSizeMib = shard }));

        Assert.Contains("model.layers.0.self_attn.q_proj.weight", error.Message, StringComparison.Ordinal);
        Assert.Contains("not a finite number", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_hashed_while_it_was_written_is_the_file_and_a_file_touched_since_is_hashed_anew()
    {
        var merged = await MergeAsync(GoldenFolder.Pebble, [MakeAdapter("a", seed: 3)]);
        var path = Path.Combine(merged, WeightFiles.Single);

        Assert.Equal(FileDigest.Of(path), _digests.Of(path));

        File.AppendAllText(path, "x");
        Assert.Null(_digests.Of(path));
    }

    [Fact]
    public async Task Licence_files_come_along()
    {
        var licensed = _scratch.CreateSubdirectory("licensed").FullName;
        foreach (var file in Directory.GetFiles(GoldenFolder.Pebble))
        {
            File.Copy(file, Path.Combine(licensed, Path.GetFileName(file)));
        }
        File.WriteAllText(Path.Combine(licensed, "LICENSE.txt"), "ours");

        Assert.True(File.Exists(Path.Combine(await MergeAsync(licensed, [MakeAdapter("a", seed: 3)]), "LICENSE.txt")));
    }

    public void Dispose() => _scratch.Delete(recursive: true);

    private static Tensor Delta(LayerAdapter own) => own[Lora.B].mm(own[Lora.A]) * own.Scale;

    private async Task<string> MergeAsync(string baseFolder, string[] adapters, MergerParams? with = null)
    {
        var scratch = _scratch.CreateSubdirectory(Guid.NewGuid().ToString("N")).FullName;
        var inputs = adapters.Select((folder, i) => (Name: i == 0 ? "adapter" : $"adapter{i + 1}", folder)).Append(("base", baseFolder))
            .ToDictionary(input => input.Item1, input => input.Item2);
        var context = new StageContext<MergerParams>(with ?? new(), inputs, new DataRoot(scratch), scratch, scratch,
            new ProgressSink(progress => _said.Add(progress.Message ?? "")))
        { Digests = _digests };
        await new MergeStage().RunAsync(context, TestContext.Current.CancellationToken);
        return context.OutputDir("model");
    }

    private string MakeAdapter(string name, long seed, int layers = 2, float? broken = null)
    {
        var folder = _scratch.CreateSubdirectory(name).FullName;
        manual_seed(seed);
        var hidden = ModelConfig.Load(GoldenFolder.Pebble).HiddenSize;
        var config = new LoraConfig(2, 4, 0, ["q_proj"]) { LayersToTransform = [.. Enumerable.Range(0, layers)] };
        using var adapter = new Adapter(config, Enumerable.Range(0, layers).Select(layer => $"model.layers.{layer}.self_attn.q_proj")
            .ToDictionary(layer => layer, layer => LayerAdapter.Of(config, layer, [randn(2, hidden) * 0.3, randn(hidden, 2) * 0.3])));
        if (broken is { } value)
        {
            adapter.Layers["model.layers.0.self_attn.q_proj"][Lora.B][0, 0] = value;
        }
        adapter.Save(folder);
        return folder;
    }
}
