using LoraAspire.Model;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation.Cpu;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Generation.Cpu;

/// <summary>Adapters beside the base against the network with the adapter attached.</summary>
[Collection(TorchRandom.Name)]
public sealed class CpuAdapterTests
{
    private static readonly int[] s_text = [3, 14, 15, 9, 26, 5, 30, 8, 9, 7, 9];

    private static readonly LoraConfig s_config = new(4, 8, 0.1, [AdapterConfig.AllLinear])
    {
        RankPattern = new Dictionary<string, int> { ["layers.1.self_attn.k_proj"] = 3 },
    };

    [Theory]
    [InlineData(CpuWeights.Float32), InlineData(CpuWeights.BFloat16), InlineData(CpuWeights.Q8_0)]
    public void An_adapter_adds_what_it_adds_to_the_network(CpuWeights weights)
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var adapter = Adapter(1);
        using var executor = CpuExecutor.Of(model, Options(weights));
        var index = executor.AddAdapter(adapter);
        var bare = Steps.Logits(executor, s_text);
        var actual = Steps.Logits(executor, s_text, adapter: index);
        var before = Expected(model);
        model.Attach(adapter);
        var expected = Expected(model);

        // bfloat16 and Q8_0 round the base by 2⁻⁹ and 2⁻⁸ of its weights; what the adapter adds is as large as the logits.
        var tolerance = weights == CpuWeights.Float32 ? 2e-5 : 0.05 * expected.Max(Math.Abs);
        Assert.InRange(Steps.Difference(before, bare), 0, tolerance);
        Assert.InRange(Steps.Difference(expected, actual), 0, tolerance);
        Assert.True(Steps.Difference(before, expected) > 4 * tolerance);
    }

    [Fact]
    public void Several_adapters_and_the_base_share_a_step_bit_for_bit()
    {
        using var model = Model();
        using var first = Adapter(1);
        using var second = Adapter(2);
        using var executor = CpuExecutor.Of(model, Options(CpuWeights.Float32));
        int[] adapters = [executor.AddAdapter(first), executor.AddAdapter(second), -1];
        var alone = adapters.Select(adapter => Steps.Logits(executor, s_text, adapter: adapter)).ToArray();
        var blocks = Steps.Blocks(7, s_text.Length);

        var results = executor.Run([.. Enumerable.Range(0, 7).Select(i => new Sequence(s_text, blocks[i], adapters[i % 3]).Next())]);

        Assert.All(Enumerable.Range(0, 7), i => Assert.Equal(alone[i % 3], results.Logits(i).ToArray()));
    }

    [Fact]
    public void A_model_in_training_is_sampled_with_its_adapters_and_whole_modules()
    {
        using var scope = NewDisposeScope();
        using var model = Model();
        using var adapter = Adapter(1);
        model.Attach(adapter);
        model.Train("lm_head", randn([32, 16]).DetachFromDisposeScope());
        model.Train("model.embed_tokens", randn([32, 16]).DetachFromDisposeScope());
        using var executor = CpuExecutor.Of(model, Options(CpuWeights.Float32));

        Assert.InRange(Steps.Difference(Expected(model), Steps.Logits(executor, s_text)), 0, 1e-4);
        Assert.Contains("attached", Assert.Throws<ModelException>(() => executor.AddAdapter(adapter)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_must_be_merged_first_is_refused_in_words()
    {
        using var model = Model();
        using var executor = CpuExecutor.Of(model, Options(CpuWeights.Float32));
        using var dora = Adapter(1, s_config with { UseDora = true, RankPattern = new Dictionary<string, int>() });
        using var plain = Adapter(1);
        using var pissa = new Adapter(s_config with { InitLoraWeights = Initialization.Pissa }, plain.Layers);
        using var saved = new Adapter(s_config, plain.Layers) { Saved = new Dictionary<string, Tensor> { ["lm_head"] = zeros(32, 16) } };

        Assert.All([dora, pissa, saved], adapter => Assert.Contains("Merge it",
            Assert.Throws<ModelException>(() => executor.AddAdapter(adapter)).Message, StringComparison.Ordinal));
        using var wide = LlamaModel.Initialize(TinyModel.Config with { HiddenSize = 24 }, CPU, float32, 1);
        using var other = CpuExecutor.Of(wide, Options(CpuWeights.Float32));
        Assert.Contains("another base", Assert.Throws<ModelException>(() => other.AddAdapter(plain)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_adapter_that_was_removed_is_gone()
    {
        using var model = Model();
        using var adapter = Adapter(1);
        using var executor = CpuExecutor.Of(model, Options(CpuWeights.Float32));
        var index = executor.AddAdapter(adapter);
        executor.RemoveAdapter(index);

        Assert.Throws<ArgumentException>(() => Steps.Logits(executor, s_text, adapter: index));
        Assert.NotEqual(index, executor.AddAdapter(adapter));
    }

    private static float[] Expected(LlamaModel model) =>
        model.Forward(tensor(s_text, int64).unsqueeze(0), lastOnly: true).detach().reshape(-1).data<float>().ToArray();

    private static LlamaModel Model() => LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 3);

    private static Adapter Adapter(int seed, LoraConfig? config = null)
    {
        using var model = Model();
        model.AttachFresh(config ?? s_config, seed);
        foreach (var linear in model.Linears)
        {
            linear.Adapter![Lora.B].normal_(0, 0.5);
        }
        return model.Detached(config ?? s_config);
    }

    private static CpuOptions Options(CpuWeights weights) => new() { Weights = weights, Threads = 2, CacheBytes = 1 << 20 };
}
