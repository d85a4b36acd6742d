using LoraAspire.Merger;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Tokenizers;
using LoraAspire.Model.Weights;
using LoraAspire.Pipelines.Stages;
using LoraAspire.Runtime.Stages;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Reports;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Merger;

/// <summary>Adapters that PEFT and others wrote: merged as PEFT merges them, or refused by what stands in the way.</summary>
[Collection(TorchRandom.Name)]
public sealed class StrangersMergeTests : IDisposable
{
    private const string Layer = "model.layers.0.self_attn.q_proj", Prefix = "base_model.model.";
    private const string A = $"{Prefix}{Layer}.lora_A.weight", B = $"{Prefix}{Layer}.lora_B.weight";
    private const string Embedding = "model.embed_tokens", Head = "lm_head";

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-strangers-").FullName;
    private readonly List<string> _messages = [];

    public StrangersMergeTests() => LibTorch.Load();

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    // PiSSA, OLoRA and what is like them.

    [Fact]
    public async Task A_PiSSA_adapter_that_wasnt_trained_gives_the_base_back()
    {
        var (reported, merged) = await MergeCaseAsync("pissa-merged-silently", "adapter-pissa_untrained");

        using WeightFiles before = WeightFiles.Open(Path.Combine(reported, "base")), after = WeightFiles.Open(merged);
        using var scope = NewDisposeScope();
        Assert.All(before.Tensors, entry =>
        {
            var (was, now) = (before.Read(entry.Name).to_type(float64), after.Read(entry.Name).to_type(float64));
            // Rounded twice to bf16, whose numbers are 2⁻⁸ apart. The case's start of v_proj is 0.9 % off the true one: its two largest
            // singular values lie close together.
            var within = entry.Name.Contains("v_proj", StringComparison.Ordinal) ? 0.01 : 1 / 256.0;
            Assert.InRange(now.sub(was).norm().item<double>() / was.norm().item<double>(), 0, within);
        });
        Assert.Contains(_messages, message => message.Contains("init_lora_weights 'pissa'", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_OLoRA_adapter_is_merged_into_the_base_without_its_start()
    {
        var (reported, merged) = await MergeCaseAsync("pissa-merged-silently", "adapter-init_olora");

        using WeightFiles before = WeightFiles.Open(Path.Combine(reported, "base")), after = WeightFiles.Open(merged);
        using var pair = Adapter.Load(Path.Combine(reported, "adapter-init_olora"));
        using var scope = NewDisposeScope();
        Assert.All(pair.Layers, layer =>
        {
            var w = before.Read(layer.Key + ".weight");
            var residual = w.to_type(float64).sub(OnFirstColumns(w, 4).mul(2)).to_type(w.dtype).to_type(float64);
            var expected = residual.add(Product(layer.Value).mul(2));
            var apart = after.Read(layer.Key + ".weight").to_type(float64).sub(expected).norm().item<double>();
            Assert.InRange(apart / expected.norm().item<double>(), 0, 1 / 256.0);
        });
    }

    [Theory]
    [InlineData("corda", "covariances of sample data")]
    [InlineData("loftq", "quantised")]
    public async Task A_start_that_the_files_dont_determine_is_refused_by_its_name(string start, string why)
    {
        var error = await Assert.ThrowsAsync<StageException>(() => MergeCaseAsync("pissa-merged-silently", $"adapter-init_{start}"));

        Assert.Contains($"'init_lora_weights' is '{start}'", error.Message, StringComparison.Ordinal);
        Assert.Contains(why, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void PiSSA_of_a_layers_own_rank_and_rsLoRAs_scale_takes_the_largest_directions_out()
    {
        var config = Config(4) with
        {
            InitLoraWeights = Initialization.Pissa,
            UseRslora = true,
            LoraAlpha = 6,
            RankPattern = new Dictionary<string, int> { ["q_proj"] = 3 },
        };

        var (w, merged, own) = MergeTiny(config, Pair(3));

        var (_, _, vh) = linalg.svd(w.to_type(float64), fullMatrices: false);
        var v = vh.narrow(0, 0, 3);
        var expected = w.to_type(float64).sub(w.to_type(float64).mm(v.t()).mm(v)).add(Product(own).mul(6 / Math.Sqrt(3)));
        AssertClose(expected, merged, 1e-5);
    }

    [Fact]
    public void OLoRA_of_a_layers_own_alpha_is_rounded_as_the_base_is()
    {
        var config = Config(2) with
        {
            InitLoraWeights = Initialization.Olora,
            AlphaPattern = new Dictionary<string, double> { ["q_proj"] = 8 },
        };

        var (w, merged, own) = MergeTiny(config, [.. Pair(2).Select(item => (item.Name, item.Tensor.mul(0.3)))], bfloat16);

        // Q₀·R₀ isn't divided by the scale: the base loses scale times that.
        var start = OnFirstColumns(w, 2).mul(4);
        var expected = w.to_type(float64).sub(start).to_type(bfloat16).to_type(float64).add(Product(own).mul(4));
        AssertClose(expected, merged, 1 / 64.0);
    }

    [Fact]
    public void DoRA_gives_its_lengths_to_the_rows_of_what_PiSSA_left()
    {
        var lengths = rand(16, float64).add(0.5);
        var config = Config(2) with { InitLoraWeights = Initialization.Pissa, UseDora = true };

        var (w, merged, own) = MergeTiny(config, [.. Pair(2), ($"{Prefix}{Layer}.lora_magnitude_vector", lengths)]);

        var (_, _, vh) = linalg.svd(w.to_type(float64), fullMatrices: false);
        var v = vh.narrow(0, 0, 2);
        var rows = w.to_type(float64).sub(w.to_type(float64).mm(v.t()).mm(v)).add(Product(own).mul(2));
        AssertClose(rows.mul(lengths.div(rows.norm(1)).unsqueeze(1)), merged, 1e-5);
    }

    [Fact]
    public void An_adapter_that_PEFT_converted_to_plain_LoRA_is_the_one_that_it_was_made_from()
    {
        var config = Config(2) with { InitLoraWeights = Initialization.Pissa };
        var pair = Pair(2);
        var (w, merged, _) = MergeTiny(config, pair);
        var (u, s, vh) = linalg.svd(w.to_type(float64), fullMatrices: false);
        var root = s.narrow(0, 0, 2).div(2).sqrt();

        // save_pretrained(path_initial_model_for_weight_conversion=…): A and −A₀ one above the other, B and B₀ side by side, r and
        // alpha twice.
        var (_, converted, _) = MergeTiny(Config(4) with { LoraAlpha = 8 },
            [(A, cat([pair[0].Tensor, root.unsqueeze(1).mul(vh.narrow(0, 0, 2)).neg()])),
                (B, cat([pair[1].Tensor, u.narrow(1, 0, 2).mul(root)], 1))]);

        AssertClose(merged.to_type(float64), converted, 1e-5);
    }

    [Fact]
    public void An_attached_PiSSA_adapter_speaks_as_the_merged_model_does_and_a_second_one_is_refused()
    {
        var config = Config(2) with { InitLoraWeights = Initialization.Pissa };
        MergeTiny(config, Pair(2));
        using var scope = NewDisposeScope();
        File.Copy(Path.Combine(At("base"), "config.json"), Path.Combine(At("merged"), "config.json"));
        using LlamaModel attached = LlamaModel.Load(At("base"), CPU, float32), merged = LlamaModel.Load(At("merged"), CPU, float32);
        using var adapter = Adapter.Load(At("adapter"));
        attached.Attach(adapter);
        var ids = tensor(new long[] { 1, 5, 9, 13 }).unsqueeze(0);

        AssertClose(merged.Forward(ids).to_type(float64), attached.Forward(ids), 1e-4);
        Assert.Contains("load the base again", Assert.Throws<ModelException>(() => attached.Attach(adapter)).Message,
            StringComparison.Ordinal);
        using var detached = attached.Detached(config);
        detached.Save(At("detached"));
        Assert.Same(Initialization.Pissa, AdapterConfig.Load(At("detached")).Start);
    }

    [Fact]
    public void A_heads_weight_that_was_saved_with_the_adapter_lost_the_start_already()
    {
        var head = randn(32, 16);
        var config = Config(2, Head) with { InitLoraWeights = Initialization.Pissa };
        (string, Tensor)[] tensors = [($"{Prefix}lm_head.lora_A.weight", randn(2, 16)), ($"{Prefix}lm_head.lora_B.weight", randn(32, 2)),
            ($"{Prefix}lm_head.base_layer.weight", head)];

        MergeTiny(config, tensors);

        AssertClose(head.to_type(float64).add(tensors[1].Item2.mm(tensors[0].Item2).mul(2)), Merged("lm_head.weight"), 1e-5);
    }

    [Fact]
    public void A_rank_above_what_the_base_has_directions_for_is_refused()
    {
        var config = Config(20) with { InitLoraWeights = Initialization.Olora };

        Assert.Contains("starts with 20 directions",
            Assert.Throws<ModelException>(() => MergeTiny(config, Pair(20))).Message, StringComparison.Ordinal);
    }

    // Fields that choose layers; keys with an adapter's name.

    [Theory]
    [InlineData("exclude-modules-needlessly-refused", "adapter-exclude_lmhead")]
    [InlineData("exclude-modules-needlessly-refused", "adapter-exclude_str")]
    [InlineData("exclude-modules-needlessly-refused", "adapter-layers_pattern")]
    [InlineData("adapter-name-in-keys", "adapter")]
    public async Task What_only_names_the_layers_otherwise_is_merged(string name, string adapterName)
    {
        var (reported, merged) = await MergeCaseAsync(name, adapterName);

        using WeightFiles before = WeightFiles.Open(Path.Combine(reported, "base")), after = WeightFiles.Open(merged);
        using var adapter = Adapter.Load(Path.Combine(reported, adapterName));
        using var scope = NewDisposeScope();
        Assert.NotEmpty(adapter.Layers);
        Assert.All(adapter.Layers, layer => AssertClose(before.Read(layer.Key + ".weight").to_type(float64)
            .add(Product(layer.Value).mul(layer.Value.Scale)).to_type(bfloat16).to_type(float64),
            after.Read(layer.Key + ".weight"), 1 / 128.0));
    }

    [Theory]
    [InlineData("lora_A.default.weight", "lora_B.default.weight", "lora_magnitude_vector.default.weight")]
    [InlineData("lora_A.my_adapter.weight", "lora_B.my_adapter.weight", "lora_magnitude_vector.my_adapter")]
    [InlineData("lora_A.0.weight", "lora_B.0.weight", "lora_magnitude_vector")]
    public void Any_name_of_the_adapter_inside_the_keys_is_read(string a, string b, string lengths)
    {
        MergeTiny(Config(2) with { UseDora = true }, [($"{Prefix}{Layer}.{a}", randn(2, 16)), ($"{Prefix}{Layer}.{b}", randn(16, 2)),
            ($"{Prefix}{Layer}.{lengths}", ones(16))]);

        AssertClose(ones(16, float64), Merged(Layer + ".weight").to_type(float64).norm(1), 1e-5);
    }

    [Fact]
    public void Two_adapters_in_one_file_are_refused_with_their_names()
    {
        (string, Tensor)[] tensors = [(A.Replace("lora_A", "lora_A.first"), randn(2, 16)),
            (B.Replace("lora_B", "lora_B.second"), randn(16, 2))];

        Assert.Contains("several adapters (first, second)",
            Assert.Throws<ModelException>(() => MergeTiny(Config(2), tensors)).Message, StringComparison.Ordinal);
    }

    // Heads and embeddings.

    [Fact]
    public async Task LoRA_on_a_tied_head_is_refused_by_its_name()
    {
        var error = await Assert.ThrowsAsync<StageException>(() => MergeCaseAsync("lora-on-tied-head", "adapter"));

        Assert.Contains("lm_head shares its weight with the embedding (tie_word_embeddings): can't be merged", error.Message,
            StringComparison.Ordinal);
    }

    [Fact]
    public void LoRA_on_a_tied_head_is_refused_too_where_the_base_stores_it_twice_and_where_it_would_be_attached()
    {
        SaveTiny(tied: true, storedTwice: true);
        Write(Config(2, Head), [($"{Prefix}lm_head.lora_A.weight", randn(2, 16)), ($"{Prefix}lm_head.lora_B.weight", randn(32, 2))]);
        using var adapter = Adapter.Load(At("adapter"));
        using var model = LlamaModel.Load(At("base"), CPU, float32);

        Assert.Equal(AdapterRefusal.TiedHead, Assert.Throws<ModelException>(() => MergeWritten()).Message);
        Assert.Equal(AdapterRefusal.TiedHead, Assert.Throws<ModelException>(() => model.Attach(adapter)).Message);
    }

    [Theory]
    [InlineData(Embedding, true, false)]
    [InlineData(Head, true, false)]
    [InlineData(Embedding, true, true)]
    public void The_shared_weight_that_PEFT_saved_by_itself_takes_the_place_of_the_base_s(string end, bool tied, bool storedTwice)
    {
        var weight = randn(32, 16);
        SaveTiny(tied, storedTwice);
        Write(Config(2), [.. Pair(2), ($"{Prefix}{end}.weight", weight)]);

        MergeWritten();

        AssertClose(weight.to_type(float64), Merged(Embedding + ".weight"), 0);
        using var merged = WeightFiles.Open(At("merged"));
        Assert.Equal(storedTwice, merged.Has(Head + ".weight"));
        if (storedTwice)
        {
            AssertClose(weight.to_type(float64), Merged(Head + ".weight"), 0);
        }
    }

    [Fact]
    public void Ends_that_were_trained_apart_cant_be_merged_into_one_weight()
    {
        SaveTiny(tied: true);
        Write(Config(2) with { ModulesToSave = ["embed_tokens"] }, [.. Pair(2), ($"{Prefix}{Embedding}.weight", randn(32, 16))]);
        Assert.Contains("tie_word_embeddings", Assert.Throws<ModelException>(() => MergeWritten()).Message, StringComparison.Ordinal);

        Write(Config(2), [.. Pair(2), ($"{Prefix}{Embedding}.weight", randn(32, 16)), ($"{Prefix}{Head}.weight", randn(32, 16))]);
        Assert.Contains("tie_word_embeddings", Assert.Throws<ModelException>(() => MergeWritten()).Message, StringComparison.Ordinal);

        Write(Config(2) with { ModulesToSave = ["embed_tokens"], EnsureWeightTying = true },
            [.. Pair(2), ($"{Prefix}{Embedding}.weight", ones(32, 16))]);
        MergeWritten();
        AssertClose(ones(32, 16, float64), Merged(Embedding + ".weight"), 0);
    }

    [Theory]
    [InlineData(35)]
    [InlineData(30)]
    public void A_vocabulary_of_another_size_is_merged_into_the_resized_base(int rows)
    {
        var (embedding, head) = (randn(rows, 16), randn(rows, 16));
        SaveTiny();
        Write(Config(2, Head), [($"{Prefix}{Embedding}.weight", embedding), ($"{Prefix}lm_head.base_layer.weight", head),
            ($"{Prefix}lm_head.lora_A.weight", ones(2, 16)), ($"{Prefix}lm_head.lora_B.weight", ones(rows, 2))]);

        Assert.Equal((32L, (long)rows), MergeWritten());

        AssertClose(embedding.to_type(float64), Merged(Embedding + ".weight"), 0);
        AssertClose(head.to_type(float64).add(4), Merged(Head + ".weight"), 1e-6);
    }

    [Fact]
    public async Task A_merged_model_of_more_tokens_says_so_loads_and_has_the_adapters_tokenizer()
    {
        var (vocabulary, hidden) = (ModelConfig.Load(GoldenFolder.Pebble).VocabSize, ModelConfig.Load(GoldenFolder.Pebble).HiddenSize);
        Write(Config(2) with { LayersToTransform = [0] },
            [(A, zeros(2, hidden)), (B, zeros(hidden, 2)), ($"{Prefix}{Embedding}.weight", ones(vocabulary + 5, hidden))]);
        TokenizerFiles.Copy(GoldenFolder.Pebble, At("adapter"));
        File.WriteAllText(Path.Combine(At("adapter"), "added_tokens.json"), $$"""{ "<new>": {{vocabulary}} }""");

        var merged = await MergeAsync(GoldenFolder.Pebble, At("adapter"));

        using var model = LlamaModel.Load(merged, CPU, float32);
        Assert.Equal(vocabulary + 5, model.Forward(tensor(new long[] { vocabulary + 4 }).unsqueeze(0)).size(2));
        Assert.True(File.Exists(Path.Combine(merged, "added_tokens.json")));
        Assert.Contains(_messages,
            message => message.Contains($"has {vocabulary + 5} rows, the base's {vocabulary}", StringComparison.Ordinal));
    }

    [Fact]
    public void An_end_that_fits_neither_the_base_nor_the_other_end_is_refused()
    {
        SaveTiny();
        void Refused(string message, params (string, Tensor)[] tensors)
        {
            Write(Config(2), [.. Pair(2), .. tensors]);
            Assert.Contains(message, Assert.Throws<ModelException>(() => MergeWritten()).Message, StringComparison.Ordinal);
        }
        Refused("lm_head, the other end of the model, is not in the adapter", ($"{Prefix}{Embedding}.weight", randn(35, 16)));
        Refused("another base", ($"{Prefix}{Embedding}.weight", randn(32, 24)));
        Refused("another base", ($"{Prefix}{Embedding}.weight", randn(35, 16)), ($"{Prefix}{Head}.weight", randn(36, 16)));
        Refused("another base", ($"{Prefix}{Embedding}.weight", randn(35, 16)), ($"{Prefix}{Head}.weight", randn(32, 16)));
    }

    // Modules trained whole.

    [Fact]
    public async Task A_norm_that_was_trained_whole_is_merged_into_a_tied_base()
    {
        var (reported, merged) = await MergeCaseAsync("modules-to-save-norm-tied", "adapter");

        using var after = WeightFiles.Open(merged);
        using var file = SafetensorsFile.Open(Path.Combine(reported, "adapter", Adapter.FileName));
        const string Norm = "model.layers.0.input_layernorm.weight";
        using Tensor ours = after.Read(Norm), theirs = file.Read(Prefix + Norm);
        AssertClose(theirs.to_type(ours.dtype).to_type(float64), ours, 0);
    }

    [Theory]
    [InlineData("norm", "model.norm.weight", "model.norm.weight")]
    [InlineData("mlp", "model.layers.1.mlp.up_proj.weight", "model.layers.1.mlp.up_proj.weight")]
    [InlineData("post_attention_layernorm", "model.layers.1.post_attention_layernorm.modules_to_save.default.weight",
        "model.layers.1.post_attention_layernorm.weight")]
    public void Whatever_module_was_trained_whole_takes_the_place_of_the_base_s(string module, string key, string weight)
    {
        SaveTiny(tied: true);
        var shape = Base(weight).shape;
        var original = key.Replace("modules_to_save.default", "original_module", StringComparison.Ordinal);
        Write(Config(2) with { ModulesToSave = [module] }, [.. Pair(2), (Prefix + key, ones(shape).mul(3)),
            .. original == key ? [] : new[] { (Prefix + original, ones(shape)) }]);

        MergeWritten();

        AssertClose(ones(shape, float64).mul(3), Merged(weight), 0);
    }

    [Fact]
    public void A_module_that_the_base_lacks_is_refused()
    {
        SaveTiny();
        Write(Config(2) with { ModulesToSave = ["score"] }, [.. Pair(2), ($"{Prefix}score.weight", ones(2, 16))]);

        Assert.Contains("its score is [2, 16]", Assert.Throws<ModelException>(() => MergeWritten()).Message, StringComparison.Ordinal);
    }

    private async Task<(string Case, string Merged)> MergeCaseAsync(string name, string adapter)
    {
        var reported = ReportCases.Copy(name, _folder);
        return (reported, await MergeAsync(Path.Combine(reported, "base"), Path.Combine(reported, adapter)));
    }

    private ProgressSink Log => new(progress => _messages.Add(progress.Message ?? ""));

    private async Task<string> MergeAsync(string baseFolder, string adapter)
    {
        var scratch = Directory.CreateDirectory(At("scratch")).FullName;
        var context = new StageContext<MergerParams>(new MergerParams(),
            new Dictionary<string, string> { ["base"] = baseFolder, ["adapter"] = adapter }, new DataRoot(scratch), scratch, scratch,
            Log);
        await new MergeStage().RunAsync(context, TestContext.Current.CancellationToken);
        return context.OutputDir("model");
    }

    private string At(string name) => Directory.CreateDirectory(Path.Combine(_folder, name)).FullName;

    private static LoraConfig Config(int rank, string target = "q_proj") => new(rank, 2 * rank, 0, [target]);

    private static (string Name, Tensor Tensor)[] Pair(int rank) => [(A, randn(rank, 16)), (B, randn(16, rank))];

    private void SaveTiny(bool tied = false, bool storedTwice = false, ScalarType type = ScalarType.Float32)
    {
        using var model = LlamaModel.Initialize(TinyModel.Config with { TieWordEmbeddings = tied }, CPU, type, seed: 6);
        TinyModel.Save(model, At("base"));
        if (storedTwice)
        {
            SafetensorsWriter.Write(Path.Combine(At("base"), WeightFiles.Single), model.Weights()
                .Select(weight => TensorSource.Of(weight.Name, weight.Tensor))
                .Append(TensorSource.Of(Head + ".weight", model.Weights().First().Tensor)));
        }
    }

    private void Write(LoraConfig config, (string Name, Tensor Tensor)[] tensors)
    {
        config.Save(At("adapter"));
        SafetensorsWriter.Write(Path.Combine(At("adapter"), Adapter.FileName),
            tensors.Select(tensor => TensorSource.Of(tensor.Name, tensor.Tensor.to_type(float32))));
    }

    private (long, long)? MergeWritten()
    {
        using var adapter = Adapter.Load(At("adapter"));
        return MergedWeights.Write(At("base"), adapter, At("merged"), 1L << 30, Log, TestContext.Current.CancellationToken).Vocabulary;
    }

    /// <summary>The first layer's weight before and after, and its pair.</summary>
    private (Tensor Weight, Tensor Merged, LayerAdapter Own) MergeTiny(LoraConfig config, (string, Tensor)[] tensors,
        ScalarType type = ScalarType.Float32)
    {
        SaveTiny(type: type);
        Write(config, tensors);
        MergeWritten();
        return (Base(Layer + ".weight"), Merged(Layer + ".weight"), Adapter.Load(At("adapter")).Layers.Values.First());
    }

    private Tensor Base(string name) => Read(At("base"), name);

    private Tensor Merged(string name) => Read(At("merged"), name);

    private static Tensor Read(string folder, string name)
    {
        using var files = WeightFiles.Open(folder);
        return files.Read(name);
    }

    private static Tensor Product(LayerAdapter own) => own[Lora.B].to_type(float64).mm(own[Lora.A].to_type(float64));

    /// <summary>What of W lies in the span of its first columns C, C·(CᵀC)⁻¹·Cᵀ·W, in float64: another way to Q₀·R₀.</summary>
    private static Tensor OnFirstColumns(Tensor weight, int rank)
    {
        var w = weight.to_type(float64);
        var c = w.narrow(1, 0, rank);
        return c.mm(linalg.inv(c.t().mm(c))).mm(c.t().mm(w));
    }

    private static void AssertClose(Tensor expected, Tensor actual, double within)
    {
        Assert.Equal(expected.shape, actual.shape);
        var apart = expected.sub(actual.to_type(float64)).abs().max().item<double>();
        Assert.True(apart <= within, $"off by {apart:E2}, more than {within:E2}");
    }
}
