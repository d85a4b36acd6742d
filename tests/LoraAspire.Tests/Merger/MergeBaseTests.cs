using LoraAspire.Merger;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Runtime.Store;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Trainer;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Merger;

/// <summary>An adapter is merged into the base of its training and into no other.</summary>
public sealed class MergeBaseTests : IDisposable
{
    private readonly DirectoryInfo _scratch = Directory.CreateTempSubdirectory("lora-base-");
    private readonly List<string> _said = [];

    public MergeBaseTests() => LibTorch.Load();

    public void Dispose() => _scratch.Delete(recursive: true);

    [Fact]
    public void The_trainer_writes_the_digest_of_its_bases_weights_where_peft_does_not_look()
    {
        using TrainerStageRun run = new();
        run.Run(new() { MaxSteps = 2, ValSetSize = 0, BatchSize = 4, MicroBatchSize = 2, WarmupSteps = 0 }, "once");

        using var adapter = Adapter.Load(run.Adapter("once"));
        using var file = SafetensorsFile.Open(Adapter.TensorsFile(run.Adapter("once")));

        Assert.Equal(FileDigest.Of(Path.Combine(TrainerStageRun.Base, WeightFiles.Single)), adapter.BaseDigests?.Weights);
        Assert.Null(adapter.TrainedOn);
        Assert.Equal("pt", file.Metadata["format"]);
    }

    [Fact]
    public async Task The_base_of_the_training_is_taken_without_a_word()
    {
        await MergeAsync(GoldenFolder.Pebble, Trained());

        Assert.DoesNotContain(_said, message => message.Contains("training", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_base_of_whose_weights_one_byte_differs_is_refused_with_both_digests()
    {
        var other = Copy("other");
        var weights = Path.Combine(other, WeightFiles.Single);
        var bytes = File.ReadAllBytes(weights);
        bytes[^2] ^= 1; // of a number's fraction: still a number
        File.WriteAllBytes(weights, bytes);

        var error = await Assert.ThrowsAsync<StageException>(() => MergeAsync(other, Trained()));

        Assert.Contains(FileDigest.Of(Path.Combine(GoldenFolder.Pebble, WeightFiles.Single)), error.Message, StringComparison.Ordinal);
        Assert.Contains(FileDigest.Of(weights), error.Message, StringComparison.Ordinal);
        Assert.Contains("called pebble-in-training there", error.Message, StringComparison.Ordinal);
        Assert.Contains("require_base: false", error.Message, StringComparison.Ordinal);

        await MergeAsync(other, Trained(), new() { RequireBase = false });
        Assert.Contains(_said, message => message.Contains("merged all the same", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_base_that_differs_in_a_tokenizer_file_only_is_merged_and_told_of()
    {
        var other = Copy("other");
        File.AppendAllText(Path.Combine(other, "tokenizer_config.json"), "\n");

        var merged = await MergeAsync(other, Trained());

        Assert.Contains(_said, message => message.Contains("tokenizer files", StringComparison.Ordinal));
        Assert.Equal(File.ReadAllText(Path.Combine(other, "tokenizer_config.json")),
            File.ReadAllText(Path.Combine(merged, "tokenizer_config.json")));
    }

    [Fact]
    public async Task An_adapter_that_names_no_base_and_ends_before_the_bases_last_layer_is_refused()
    {
        var adapter = Save("shallow", null, new LoraConfig(2, 4, 0, ["q_proj"]));

        var error = await Assert.ThrowsAsync<StageException>(() => MergeAsync(GoldenFolder.Pebble, adapter));

        Assert.Contains("ends with layer 1", error.Message, StringComparison.Ordinal);
        Assert.Contains("require_base: false", error.Message, StringComparison.Ordinal);
        await MergeAsync(GoldenFolder.Pebble, adapter, new() { RequireBase = false });
    }

    [Theory]
    [InlineData("model.layers.0.self_attn.q_proj", "model.layers.1.self_attn.q_proj")]
    [InlineData("layers.0.self_attn.q_proj", "layers.1.self_attn.q_proj")]
    [InlineData(@"model\.layers\.[01]\.self_attn\.q_proj")]
    [InlineData(@".*\.(0|1)\..*q_proj")]
    public async Task An_adapter_whose_targets_choose_layers_may_end_before_the_bases_last_one(params string[] targets)
    {
        await MergeAsync(GoldenFolder.Pebble, Save("chosen", null, new LoraConfig(2, 4, 0, targets)));

        Assert.DoesNotContain(_said, message => message.Contains("another base", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("self_attn.q_proj")]
    [InlineData("all-linear")]
    public async Task Targets_that_every_layer_has_choose_none(string target)
    {
        var error = await Assert.ThrowsAsync<StageException>(() =>
            MergeAsync(GoldenFolder.Pebble, Save("all", null, new LoraConfig(2, 4, 0, [target]))));

        Assert.Contains("ends with layer 1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_quantised_base_is_refused_with_what_to_give_in_its_place()
    {
        var quantised = Copy("nf4");
        var config = Path.Combine(quantised, "config.json");
        File.WriteAllText(config, "{\"quantization_config\": {\"quant_method\": \"bitsandbytes\"}," + File.ReadAllText(config)[1..]);

        var error = await Assert.ThrowsAsync<StageException>(() => MergeAsync(quantised, Saying("base_type", "nf4")));

        Assert.Contains("is quantised (bitsandbytes)", error.Message, StringComparison.Ordinal);
        Assert.Contains("give the model that it was quantised from", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Weights_that_are_whole_numbers_are_no_weights_to_merge_into()
    {
        const string layer = "model.layers.0.self_attn.q_proj.weight";
        var quantised = Copy("int8");
        using (var whole = WeightFiles.Open(GoldenFolder.Pebble))
        {
            SafetensorsWriter.Write(Path.Combine(quantised, WeightFiles.Single), whole.Tensors.Select(entry => entry.Name == layer
                ? new TensorSource(entry.Name, ScalarType.Int8, entry.Shape, () => zeros([.. entry.Shape], ScalarType.Int8))
                : TensorSource.Of(entry.Name, whole.Read(entry.Name))).ToList());
        }

        var error = await Assert.ThrowsAsync<StageException>(
            () => MergeAsync(quantised, Trained(), new() { RequireBase = false }));

        Assert.Contains($"{layer} of {quantised} is Int8", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_was_trained_on_rounded_weights_goes_into_the_whole_ones_and_record_and_card_say_so()
    {
        var merged = await MergeAsync(GoldenFolder.Pebble, Saying("base_type", "nf4"));

        Assert.Equal("nf4", MergeRecord.Of(merged)!.Adapters.Single().HeldAs);
        Assert.Contains("weights rounded to nf4", File.ReadAllText(Path.Combine(merged, "README.md")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_an_adapter_was_trained_on_is_said_only_where_its_files_say_it()
    {
        var known = await MergeAsync(GoldenFolder.Pebble, Trained());
        Assert.Contains("weights as they are", File.ReadAllText(Path.Combine(known, "README.md")), StringComparison.Ordinal);

        var elsewhere = await MergeAsync(GoldenFolder.Pebble,
            Save("elsewhere", null, new LoraConfig(2, 4, 0, ["q_proj"]) { LayersToTransform = [0, 1] }));
        var card = File.ReadAllText(Path.Combine(elsewhere, "README.md"));
        Assert.Contains("| not said |", card, StringComparison.Ordinal);
        Assert.DoesNotContain("weights as they are", card, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("base_weights_sha256", "no digest")]
    [InlineData("base_weights_sha256", "")]
    [InlineData("base_tokenizer_sha256", "ABCDEF")]
    [InlineData("base_type", "nf4 | <b>")]
    public async Task Metadata_of_another_form_is_refused_by_its_key(string key, string value)
    {
        var error = await Assert.ThrowsAsync<StageException>(() => MergeAsync(GoldenFolder.Pebble, Saying(key, value)));

        Assert.Contains(key, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_record_of_a_merge_with_anything_but_digests_is_refused()
    {
        File.WriteAllText(Path.Combine(_scratch.FullName, MergeRecord.FileName), """{"adapters": [{"sha256": "x", "weight": 1}]}""");

        Assert.Contains("no record of a merge", Assert.Throws<ModelException>(() => MergeRecord.Of(_scratch.FullName)).Message,
            StringComparison.Ordinal);
    }

    /// <summary>sha256sum of two files, the digests alone, through sha256sum once more.</summary>
    [Fact]
    public void Several_files_have_the_digest_of_their_digests()
    {
        var folder = Copy("shards");
        File.Delete(Path.Combine(folder, WeightFiles.Single));
        File.WriteAllText(Path.Combine(folder, WeightFiles.Index), """{"weight_map": {"a": "2.safetensors", "b": "1.safetensors"}}""");

        var found = BaseDigests.Of(folder, files => [.. files.Select(file => file is "1.safetensors" ? new string('1', 64)
            : file is "2.safetensors" ? new string('2', 64) : new string('0', 64))]);

        Assert.Equal(FileDigest.OfText($"{new string('1', 64)}\n{new string('2', 64)}\n"), found.Weights);
    }

    [Fact]
    public void A_digest_that_is_known_is_not_taken_again()
    {
        var context = Context(GoldenFolder.Pebble, "", new(), "known") with
        {
            FileDigests = input => input == "base" ? new Dictionary<string, string> { [WeightFiles.Single] = "known" } : [],
        };

        Assert.Equal(["known", FileDigest.Of(Path.Combine(GoldenFolder.Pebble, "config.json"))],
            context.DigestsOf("base", [WeightFiles.Single, "config.json"], TestContext.Current.CancellationToken));
    }

    /// <summary>The trained adapter with one more word in its metadata, or another.</summary>
    private string Saying(string key, string value)
    {
        var folder = Trained();
        using var adapter = Adapter.Load(folder);
        SafetensorsWriter.Write(Path.Combine(folder, Adapter.FileName), adapter.Layers.SelectMany(layer => layer.Value.Parameters
            .Select(item => TensorSource.Of(Adapter.TensorName(layer.Key, item.Parameter), item.Tensor))),
            new Dictionary<string, string>(adapter.BaseDigests!.Metadata) { [key] = value });
        return folder;
    }

    private string Trained() => Save("trained", BaseDigests.Of(GoldenFolder.Pebble,
        files => [.. files.Select(file => FileDigest.Of(Path.Combine(GoldenFolder.Pebble, file)))]),
        new LoraConfig(2, 4, 0, ["q_proj"]) { LayersToTransform = [0, 1], BaseModelNameOrPath = "pebble-in-training" });

    private string Save(string name, BaseDigests? digests, LoraConfig config)
    {
        var folder = _scratch.CreateSubdirectory(name).FullName;
        var hidden = ModelConfig.Load(GoldenFolder.Pebble).HiddenSize;
        using var adapter = new Adapter(config, new[] { 0, 1 }.Select(layer => $"model.layers.{layer}.self_attn.q_proj")
            .ToDictionary(layer => layer, layer => LayerAdapter.Of(config, layer, [randn(2, hidden) * 0.3, randn(hidden, 2) * 0.3])));
        adapter.BaseDigests = digests;
        adapter.Save(folder);
        return folder;
    }

    private string Copy(string name)
    {
        var folder = _scratch.CreateSubdirectory(name).FullName;
        foreach (var file in Directory.GetFiles(GoldenFolder.Pebble))
        {
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        }
        return folder;
    }

    private async Task<string> MergeAsync(string baseFolder, string adapter, MergerParams? with = null)
    {
        var context = Context(baseFolder, adapter, with ?? new(), Guid.NewGuid().ToString("N"));
        await new MergeStage().RunAsync(context, TestContext.Current.CancellationToken);
        return context.OutputDir("model");
    }

    private StageContext<MergerParams> Context(string baseFolder, string adapter, MergerParams with, string name)
    {
        var scratch = _scratch.CreateSubdirectory(name).FullName;
        return new(with, new Dictionary<string, string> { ["base"] = baseFolder, ["adapter"] = adapter }, new DataRoot(scratch), scratch,
            scratch, new ProgressSink(progress => _said.Add(progress.Message ?? "")));
    }
}
