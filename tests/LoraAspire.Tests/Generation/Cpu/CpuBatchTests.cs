using LoraAspire.Model.Generation.Cpu;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Goldens.Own;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Generation.Cpu;

/// <summary>What a sequence gets doesn't depend on its company, its pieces or the threads, down to the last bit.</summary>
[Collection(TorchRandom.Name)]
public sealed class CpuBatchTests
{
    /// <summary>Widths that are no whole number of vectors, of blocks of Q8_0, or of outputs that a tile takes.</summary>
    private static readonly ModelConfig s_odd = TinyModel.Config with
    {
        HiddenSize = 36,
        HeadDim = 18,
        IntermediateSize = 54,
        VocabSize = 101,
        MaxPositionEmbeddings = 256,
    };

    public static TheoryData<CpuWeights, int> Forms
    {
        get
        {
            TheoryData<CpuWeights, int> all = [];
            foreach (var weights in Enum.GetValues<CpuWeights>())
            {
                foreach (var bits in new[] { 128, 256, 512 })
                {
                    all.Add(weights, bits);
                }
            }
            return all;
        }
    }

    [Theory, MemberData(nameof(Forms))]
    public void A_row_is_the_same_bit_for_bit_in_any_batch(CpuWeights weights, int bits)
    {
        using var model = LlamaModel.Initialize(s_odd, CPU, float32, seed: 5);
        using var executor = Executor(model, weights, bits);
        var random = new Random(1);
        int[][] texts = [.. Enumerable.Range(0, 11).Select(i => Tokens(random, 3 + (7 * i % 40)))];
        var alone = texts.Select(text => Steps.Logits(executor, text)).ToArray();

        for (var count = 2; count <= texts.Length; count++)
        {
            var blocks = Steps.Blocks(count, 64);
            // Half of each is read before, so that a step has rows of all lengths.
            Sequence[] sequences = [.. texts.Take(count).Select((text, i) => new Sequence(text, blocks[i]))];
            executor.Run([.. sequences.Select(one => one.Next(one.Ids.Count / 2))]);
            var results = executor.Run([.. sequences.Select(one => one.Next())]);
            Assert.All(Enumerable.Range(0, count), i => Assert.True(alone[i].AsSpan().SequenceEqual(results.Logits(i)), $"{i} of {count}"));
        }
    }

    [Theory, MemberData(nameof(Forms))]
    public void A_prompt_in_pieces_is_the_prompt_as_a_whole_bit_for_bit(CpuWeights weights, int bits)
    {
        using var model = LlamaModel.Initialize(s_odd, CPU, float32, seed: 6);
        using var executor = Executor(model, weights, bits);
        var text = Tokens(new Random(2), 90);
        var whole = Steps.Logits(executor, text);

        Assert.All([1, 2, 7, 16, 33, 89], piece => Assert.Equal(whole, Steps.Logits(executor, text, piece)));
    }

    [Theory]
    [InlineData("gemma2"), InlineData("qwen3"), InlineData("mistral"), InlineData("qwen2")]
    public void Families_are_independent_of_pieces_too(string name)
    {
        using var executor = CpuExecutor.Load(OwnGoldens.At($"models/{name}"), new CpuOptions { Threads = 2, CacheBytes = 4 << 20 });
        int[] text = [.. Enumerable.Range(0, 40).Select(i => 3 + (i * 7 % 37))];

        Assert.Equal(Steps.EveryLogits(executor, text)[^1], Steps.Logits(executor, text, 13));
    }

    [Fact]
    public void Any_number_of_threads_gives_the_same_bits()
    {
        using var model = LlamaModel.Initialize(s_odd, CPU, float32, seed: 7);
        var text = Tokens(new Random(3), 50);
        using var one = CpuExecutor.Of(model, Options(CpuWeights.Float32, 512) with { Threads = 1 });
        var expected = Steps.Logits(one, text);

        foreach (var threads in new[] { 2, 3, 5 })
        {
            using var several = CpuExecutor.Of(model, Options(CpuWeights.Float32, 512) with { Threads = threads });
            Assert.Equal(expected, Steps.Logits(several, text));
        }
    }

    [Fact]
    public void Rope_beyond_the_context_is_the_networks_own()
    {
        using var scope = NewDisposeScope();
        var config = s_odd with { MaxPositionEmbeddings = 24, Rope = new RopeScaling("dynamic", 4, OriginalMaxPositionEmbeddings: 24) };
        using var model = LlamaModel.Initialize(config, CPU, float32, seed: 8);
        using var executor = Executor(model, CpuWeights.Float32, 512);
        var text = Tokens(new Random(4), 60);
        var expected = model.Forward(tensor(text, int64).unsqueeze(0), lastOnly: true).reshape(-1).data<float>().ToArray();

        Assert.InRange(Steps.Difference(expected, Steps.Logits(executor, text)), 0, 2e-5);
    }

    [Fact]
    public void The_mean_of_the_hidden_states_is_the_networks()
    {
        using var scope = NewDisposeScope();
        using var model = LlamaModel.Initialize(s_odd with { TieWordEmbeddings = true }, CPU, float32, seed: 9);
        using var executor = CpuExecutor.Of(model, Options(CpuWeights.Float32, 512) with { MostTokens = 16 });
        var text = Tokens(new Random(5), 50);

        // The head is the embedding, so the logits of the mean are the mean of the logits.
        var expected = model.Forward(tensor(text, int64).unsqueeze(0)).mean([1]).reshape(-1).data<float>().ToArray();
        var mean = tensor(executor.MeanHidden(text)).unsqueeze(0);
        var embedding = model.Weights().First(weight => weight.Name == "model.embed_tokens.weight").Tensor;

        Assert.InRange(Steps.Difference(expected, mean.mm(embedding.t()).reshape(-1).data<float>().ToArray()), 0, 1e-5);
    }

    private static CpuExecutor Executor(LlamaModel model, CpuWeights weights, int bits) => CpuExecutor.Of(model, Options(weights, bits));

    private static CpuOptions Options(CpuWeights weights, int bits) =>
        new() { Weights = weights, VectorBits = bits, Threads = 2, CacheBytes = 8 << 20 };

    private static int[] Tokens(Random random, int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(s_odd.VocabSize))];
}
