using System.Text.Json.Nodes;
using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cpu;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Quantised;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Quantised;

/// <summary>Bases that bitsandbytes quantised: read as they are, computed with, and held to what they say of themselves.</summary>
[Collection(TorchRandom.Name)]
public sealed class BitsAndBytesTests : IDisposable
{
    private const string Layer = "model.layers.1.mlp.up_proj.weight", State = Layer + ".quant_state.bitsandbytes__nf4";

    private static readonly int[] s_blocks = [0];

    private readonly string _folder = Directory.CreateTempSubdirectory("lora-bnb-").FullName;
    private readonly LlamaModel _model = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 3);

    public void Dispose()
    {
        _model.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("nf4", true)]
    [InlineData("nf4", false)]
    [InlineData("int8", true)]
    public void A_base_stays_as_its_files_have_it_and_computes_what_its_numbers_do(string format, bool twice)
    {
        using var scope = NewDisposeScope();
        BitsAndBytesFolder.Save(_model, _folder, format, twice);
        var how = Quantisation.Of(Enum.Parse<BaseFormat>(format, ignoreCase: true), twice)!;
        using var frozen = LlamaModel.LoadFrozen(_folder, CPU, float32, null);
        using var asked = LlamaModel.LoadFrozen(_folder, CPU, float32, how);
        using var dense = LlamaModel.Load(_folder, CPU, float32);
        using var own = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 3, quantisation: how);

        Assert.Equal(how.Format, frozen.HeldIn);
        Assert.Null(dense.HeldIn);
        Assert.Equal(_model.WeightCount, frozen.WeightCount);
        var ids = tensor(new long[] { 3, 17, 8, 30, 4 }).unsqueeze(0);
        using var noGrad = no_grad();
        var expected = dense.Forward(ids);
        Assert.True(frozen.Forward(ids).equal(expected).all().item<bool>());
        Assert.True(asked.Forward(ids).equal(expected).all().item<bool>());
        // What we quantise ourselves is what the formulas in float64 wrote into the files.
        Assert.Equal(0, own.Forward(ids).sub(expected).abs().max().item<float>(), 1e-5f);
        Assert.NotEqual(0, _model.Forward(ids).sub(expected).abs().max().item<float>());
    }

    [Theory]
    [InlineData("nf4", CpuWeights.Float32)]
    [InlineData("nf4", CpuWeights.BFloat16)]
    [InlineData("int8", CpuWeights.Float32)]
    public void The_chats_executor_computes_with_the_codes(string format, CpuWeights form)
    {
        using var scope = NewDisposeScope();
        BitsAndBytesFolder.Save(_model, _folder, format);
        using var dense = LlamaModel.Load(_folder, CPU, float32);
        using var executor = CpuExecutor.Load(_folder, new CpuOptions { Weights = form, CacheBytes = 1 << 20 });
        using var over = CpuExecutor.Of(dense, new CpuOptions { CacheBytes = 1 << 20 });
        int[] ids = [3, 17, 8, 30, 4];

        var found = executor.Run([new SequenceSlice(ids, 0, s_blocks, WantsLogits: true)]).Logits(0).ToArray();
        var expected = over.Run([new SequenceSlice(ids, 0, s_blocks, WantsLogits: true)]).Logits(0).ToArray();

        // Embedding and head, which stay numbers, are bfloat16 in one case.
        var tolerance = form == CpuWeights.Float32 ? 1e-4 : 0.1;
        Assert.All(expected.Zip(found), pair => Assert.Equal(pair.First, pair.Second, tolerance));
    }

    [Fact]
    public void A_model_in_training_is_asked_over_the_same_codes()
    {
        using var scope = NewDisposeScope();
        using var frozen = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 3, quantisation: new Nf4());
        frozen.AttachFresh(new LoraConfig(4, 8, 0, [AdapterConfig.AllLinear]), seed: 1);
        using var executor = Executors.Of(frozen, cacheTokens: 64);
        using var plain = new TorchExecutor(frozen, owns: false, cacheTokens: 64);
        int[] ids = [3, 17, 8, 30, 4];

        var (mine, theirs) = (executor.Run([new SequenceSlice(ids, 0, s_blocks, WantsLogits: true)]).Logits(0).ToArray(),
            plain.Run([new SequenceSlice(ids, 0, s_blocks, WantsLogits: true)]).Logits(0).ToArray());

        Assert.IsType<CpuExecutor>(executor);
        Assert.All(theirs.Zip(mine), pair => Assert.Equal(pair.First, pair.Second, 1e-4));
    }

    public static TheoryData<string, string> Spoilt => new()
    {
        { "no absmax", Layer + ".absmax" },
        { "absmax too short", Layer + ".absmax" },
        { "absmax of floats where they are nested", Layer + ".absmax" },
        { "codes too short", Layer + "'" },
        { "codes of another type", Layer + "'" },
        { "a scale that is no number", Layer + ".nested_absmax" },
        { "another table", Layer + ".quant_map" },
        { "another table of scales", Layer + ".nested_quant_map" },
        { "a table with no numbers", Layer + ".quant_map" },
        { "state is no JSON", State },
        { "state is a list", State },
        { "state is floats", State },
        { "state is long", State },
        { "shape of another layer", State },
        { "shape of halves", State },
        { "no shape", State },
        { "blocks of 128", State },
        { "offset is huge", State },
        { "no offset", State },
        { "nested blocks of 64", State },
        { "scales in float16", State },
        { "fp4", "fp4" },
    };

    [Theory, MemberData(nameof(Spoilt))]
    public void What_does_not_fit_is_refused_with_its_name(string fault, string name)
    {
        using var scope = NewDisposeScope();
        BitsAndBytesFolder.Save(_model, _folder, "nf4", change: (tensors, config) => Spoil(fault, tensors, config));
        var error = Assert.Throws<ModelException>(() => LlamaModel.LoadFrozen(_folder, CPU, float32, null));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
        error = Assert.Throws<ModelException>(() => CpuExecutor.Load(_folder, new CpuOptions()));
        Assert.Contains(name, error.Message, StringComparison.Ordinal);
    }

    private static void Spoil(string fault, Dictionary<string, Tensor> tensors, JsonObject config)
    {
        Dictionary<string, object?> state = new()
        {
            ["quant_type"] = "nf4",
            ["blocksize"] = 64,
            ["shape"] = new[] { 24, 16 },
            ["nested_blocksize"] = 256,
            ["nested_dtype"] = "float32",
            ["nested_offset"] = 0.1,
        };
        Tensor With(string key, object? value)
        {
            state[key] = value;
            return BitsAndBytesFolder.State(state);
        }
        Tensor Without(string key)
        {
            state.Remove(key);
            return BitsAndBytesFolder.State(state);
        }
        Action spoil = fault switch
        {
            "no absmax" => () => tensors.Remove(Layer + ".absmax"),
            "absmax too short" => () => tensors[Layer + ".absmax"] = zeros(5, uint8),
            "absmax of floats where they are nested" => () => tensors[Layer + ".absmax"] = ones(6),
            "codes too short" => () => tensors[Layer] = zeros([191, 1], uint8),
            "codes of another type" => () => tensors[Layer] = zeros([192, 1], int8),
            "a scale that is no number" => () => tensors[Layer + ".nested_absmax"] = full(1, float.NaN),
            "another table" => () => tensors[Layer + ".quant_map"] = linspace(-1, 1, 16),
            "another table of scales" => () => tensors[Layer + ".nested_quant_map"] = linspace(-1, 1, 256),
            "a table with no numbers" => () => tensors[Layer + ".quant_map"] = full(16, float.NaN),
            "state is no JSON" => () => tensors[State] = tensor("{\"shape\": NaN}"u8.ToArray(), uint8),
            "state is a list" => () => tensors[State] = BitsAndBytesFolder.State(new[] { 1 }),
            "state is floats" => () => tensors[State] = ones(8),
            "state is long" => () => tensors[State] = zeros(70_000, uint8),
            "shape of another layer" => () => tensors[State] = With("shape", new[] { 16, 24 }),
            "shape of halves" => () => tensors[State] = With("shape", new[] { 24.5, 16 }),
            "no shape" => () => tensors[State] = Without("shape"),
            "blocks of 128" => () => tensors[State] = With("blocksize", 128),
            "offset is huge" => () => tensors[State] = With("nested_offset", 1e300),
            "no offset" => () => tensors[State] = Without("nested_offset"),
            "nested blocks of 64" => () => tensors[State] = With("nested_blocksize", 64),
            "scales in float16" => () => tensors[State] = With("nested_dtype", "float16"),
            "fp4" => () => config["bnb_4bit_quant_type"] = "fp4",
            _ => throw new ArgumentException(fault),
        };
        spoil();
    }

    [Theory]
    [InlineData("""{"quant_method": "gptq", "bits": 4}""", "is 'gptq'")]
    [InlineData("""{"load_in_4bit": true}""", "is 'fp4'")]
    [InlineData("""{"quant_method": "bitsandbytes"}""", "'load_in_4bit' is not set")]
    [InlineData("[]", "'quantization_config' must be an object")]
    public void Another_quantisation_in_config_json_is_refused(string config, string words)
    {
        using var scope = NewDisposeScope();
        TinyModel.Save(_model, _folder);
        var path = Path.Combine(_folder, "config.json");
        var root = JsonNode.Parse(File.ReadAllText(path))!;
        root["quantization_config"] = JsonNode.Parse(config);
        File.WriteAllText(path, root.ToJsonString());
        Assert.Contains(words, Assert.Throws<ModelException>(() => ModelConfig.Load(_folder)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_base_in_int8_cannot_be_held_in_nf4()
    {
        using var scope = NewDisposeScope();
        BitsAndBytesFolder.Save(_model, _folder, "int8");
        var error = Assert.Throws<ModelException>(() => LlamaModel.LoadFrozen(_folder, CPU, float32, new Nf4()));
        Assert.Contains("is quantised to int8 in its files, and can't be held in nf4", error.Message, StringComparison.Ordinal);
    }
}
