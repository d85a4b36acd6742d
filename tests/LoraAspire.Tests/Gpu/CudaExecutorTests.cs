using LoraAspire.Model.Adapters;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cuda;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Gpu;

/// <summary>
/// The serving executor against the plain model. The truth is the model in float32 on the same weights; the plain model in bfloat16 says
/// how far that type's rounding leads away from it, and the executor may be as far.
/// </summary>
[Trait("Category", "Gpu"), Collection(TorchRandom.Name)]
public sealed class CudaExecutorTests(ITestOutputHelper output)
{
    private const double Leeway = 1.25; // of the plain model's own distance in bfloat16

    private static readonly ModelConfig s_llama = TinyModel.Config with
    {
        VocabSize = 2001,
        HiddenSize = 512,
        IntermediateSize = 1408,
        NumHiddenLayers = 3,
        NumAttentionHeads = 8,
        NumKeyValueHeads = 8,
        HeadDim = 64,
        MaxPositionEmbeddings = 2048,
        InitializerRange = 0.06,
        SlidingWindow = new int?[3],
    };

    private static readonly Dictionary<string, ModelConfig> s_families = new()
    {
        ["llama"] = s_llama,
        ["grouped heads of 128"] = s_llama with { HeadDim = 128, NumKeyValueHeads = 2 },
        ["groups of seven, biases, a tied head (qwen2)"] =
            s_llama with { NumAttentionHeads = 14, NumKeyValueHeads = 2, QkvBias = true, TieWordEmbeddings = true },
        ["norms on heads (qwen3)"] = s_llama with { QkNorm = true, NumKeyValueHeads = 4 },
        ["biases everywhere"] = s_llama with { QkvBias = true, OutputBias = true },
        ["windows (mistral)"] = s_llama with { SlidingWindow = [48, null, 48] },
        ["gemma"] = s_llama with
        {
            NumKeyValueHeads = 1,
            HeadDim = 256,
            NumAttentionHeads = 4,
            NormPlusOne = true,
            EmbeddingScale = Math.Sqrt(512),
            HiddenAct = "gelu_pytorch_tanh",
            TieWordEmbeddings = true,
        },
        ["gemma2"] = s_llama with
        {
            NumKeyValueHeads = 4,
            NormPlusOne = true,
            EmbeddingScale = Math.Sqrt(512),
            HiddenAct = "gelu_pytorch_tanh",
            TieWordEmbeddings = true,
            OutputNorms = true,
            AttentionScale = 1 / Math.Sqrt(48),
            ScoreCap = 5,
            LogitCap = 3,
            SlidingWindow = [48, null, 48],
        },
    };

    public static TheoryData<string> Families => [.. s_families.Keys];

    [Theory]
    [MemberData(nameof(Families))]
    public void Logits_are_as_near_the_truth_as_the_plain_models(string family)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var models = new Pair(s_families[family]);
        using var executor = CudaExecutor.Of(models.Narrow, Small);
        var sequences = Sequences(models.Config, [1, 17, 130, 64, 33], more: 5);

        double ours = 0, theirs = 0, size = 0;
        foreach (var step in Steps(sequences))
        {
            var results = executor.Run([.. step.Select(part => part.Slice)]);
            foreach (var (index, part) in step.Index())
            {
                var (truth, plain) = (models.Last(models.Wide, part.Seen), models.Last(models.Narrow, part.Seen));
                var found = results.Logits(index).ToArray();
                ours += Distance(found, truth);
                theirs += Distance(plain, truth);
                size += truth.Sum(value => (double)value * value);
                Assert.Null(results.Drawn(index));
            }
        }

        output.WriteLine($"{family}: {Math.Sqrt(ours / size):E2} of the logits' norm; the plain model {Math.Sqrt(theirs / size):E2}");
        Assert.InRange(Math.Sqrt(ours), 0, Leeway * Math.Sqrt(theirs));
    }

    /// <summary>Every batch size that has a way of its own: our products of one and two tiles, cuBLAS, filled up or not.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(8)]
    [InlineData(13)]
    [InlineData(16)]
    [InlineData(17)]
    [InlineData(50)]
    public void A_batch_of_any_size_gives_each_sequence_its_own_logits(int count)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var models = new Pair(s_llama);
        using var executor = CudaExecutor.Of(models.Narrow, Small);
        var sequences = Sequences(models.Config, [.. Enumerable.Range(0, count).Select(i => 2 + (i * 37 % 300))], more: 4);
        double ours = 0, size = 0;
        foreach (var step in Steps(sequences))
        {
            var results = executor.Run([.. step.Select(part => part.Slice)]);
            foreach (var (index, part) in step.Index().Where(item => item.Item.Slice.Ids.Length == 1))
            {
                var truth = models.Last(models.Wide, part.Seen);
                ours += Distance(results.Logits(index), truth);
                size += truth.Sum(value => (double)value * value);
            }
        }
        output.WriteLine($"{count}: {Math.Sqrt(ours / size):E2}");
        Assert.InRange(Math.Sqrt(ours / size), 0, 0.03); // a row that is not its own would be off by its whole norm
    }

    [Fact]
    public void A_long_context_is_read_in_shares()
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var models = new Pair(s_llama with { NumKeyValueHeads = 2 });
        using var executor = CudaExecutor.Of(models.Narrow, Small);
        var sequences = Sequences(models.Config, [1900, 700], more: 4);
        double ours = 0, theirs = 0;
        foreach (var step in Steps(sequences, most: 200))
        {
            var results = executor.Run([.. step.Select(part => part.Slice)]);
            foreach (var (index, part) in step.Index())
            {
                var truth = models.Last(models.Wide, part.Seen);
                ours += Distance(results.Logits(index), truth);
                theirs += Distance(models.Last(models.Narrow, part.Seen), truth);
            }
        }
        output.WriteLine($"{Math.Sqrt(ours):E2}, the plain model {Math.Sqrt(theirs):E2}");
        Assert.InRange(Math.Sqrt(ours), 0, Leeway * Math.Sqrt(theirs));
    }

    /// <summary>Temperature, then top-k, top-p and min-p, and the inverse of the distribution in the order of the ids.</summary>
    [Theory]
    [InlineData(0, 0, 1, 0)]
    [InlineData(0.8, 0, 1, 0)]
    [InlineData(1.5, 40, 1, 0)]
    [InlineData(1.0, 0, 0.7, 0)]
    [InlineData(1.2, 0, 1, 0.1)]
    [InlineData(1.2, 100, 0.9, 0.02)]
    public void Tokens_are_drawn_from_the_distribution_that_the_options_leave(double temperature, int topK, double topP, double minP)
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var models = new Pair(s_llama);
        using var executor = CudaExecutor.Of(models.Narrow, Small);
        var random = new Random(5);
        var sequences = Sequences(models.Config, [.. Enumerable.Range(0, 64).Select(i => 3 + i)], more: 1);
        int drawn = 0, near = 0;
        for (var round = 0; round < 4; round++)
        {
            SequenceSlice[] slices = [.. sequences.Select((sequence, i) => new SequenceSlice(sequence.Ids, 0, sequence.Blocks, true, -1,
                new TokenDraw(temperature, topK, topP, minP, (i + random.NextDouble()) / sequences.Count)))];
            var results = executor.Run(slices);
            for (var i = 0; i < slices.Length; i++)
            {
                var token = results.Drawn(i)!.Value;
                drawn++;
                near += Reference(results.Logits(i), slices[i].Draw!, 1e-3).Contains(token) ? 1 : 0;
            }
        }
        Assert.Equal(drawn, near);
    }

    [Fact]
    public void Rows_with_an_adapter_and_rows_without_go_together()
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        using var models = new Pair(s_llama with { NumKeyValueHeads = 4 });
        using var executor = CudaExecutor.Of(models.Narrow, Small);
        var config = new LoraConfig(12, 24, 0, [AdapterConfig.AllLinear]);
        models.Wide.AttachFresh(config, seed: 3);
        using var noGrad = no_grad();
        foreach (var linear in models.Wide.Linears)
        {
            linear.Adapter![Lora.B].copy_(randn_like(linear.Adapter![Lora.B]).mul_(0.03.AsScalar()));
        }
        using var adapter = models.Wide.Detached(config);
        var slot = executor.AddAdapter(adapter);
        using var plain = new Pair(s_llama with { NumKeyValueHeads = 4 });
        var sequences = Sequences(models.Config, [5, 17, 40], more: 4);
        double ours = 0, size = 0, change = 0;
        foreach (var step in Steps(sequences))
        {
            var results = executor.Run([.. step.Select((part, i) => part.Slice with { Adapter = i == 1 ? -1 : slot })]);
            foreach (var (index, part) in step.Index())
            {
                float[] with = models.Last(models.Wide, part.Seen), without = plain.Last(plain.Wide, part.Seen);
                ours += Distance(results.Logits(index), index == 1 ? without : with);
                size += with.Sum(value => (double)value * value);
                change += Distance(with, without);
            }
        }
        output.WriteLine($"{Math.Sqrt(ours / size):E2}; the adapter changes {Math.Sqrt(change / size):E2}");
        Assert.InRange(Math.Sqrt(change / size), 0.2, double.MaxValue);
        Assert.InRange(Math.Sqrt(ours / size), 0, 0.03);
    }

    [Fact]
    public void The_mean_of_hidden_states_goes_through_the_head_like_the_mean_of_logits()
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var models = new Pair(s_llama);
        using var executor = CudaExecutor.Of(models.Narrow, Small with { MostTokens = 256 });
        var ids = Sequences(models.Config, [600], more: 0)[0].Ids;

        using var mean = tensor(executor.MeanHidden(ids), device: CUDA);
        var found = mean.unsqueeze(0).matmul(models.Wide.HeadWeight.t()).squeeze(0);
        var truth = models.Wide.Forward(tensor(ids.Select(id => (long)id).ToArray(), device: CUDA).unsqueeze(0)).mean([1]).squeeze(0);

        Assert.InRange((found - truth).norm().ReadSingle() / truth.norm().ReadSingle(), 0, 0.02);
    }

    [Fact]
    public void A_folder_loads_to_the_same_logits_as_the_model()
    {
        GpuModel.Require();
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        using var models = new Pair(s_llama);
        var folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            TinyModel.Save(models.Narrow, folder);
            using CudaExecutor loaded = CudaExecutor.Load(folder, Small), over = CudaExecutor.Of(models.Narrow, Small);
            var sequence = Sequences(models.Config, [70], more: 0)[0];
            SequenceSlice[] step = [new(sequence.Ids, 0, sequence.Blocks, true)];
            Assert.Equal(over.Run(step).Logits(0).ToArray(), loaded.Run(step).Logits(0).ToArray());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static CudaOptions Small => new() { MostSequences = 64, MostTokens = 4096, CacheBytes = 256 << 20 };

    private sealed record Sequence(int[] Ids, int[] Blocks, int Prompt);

    /// <summary>A slice, and all its sequence's tokens up to its end.</summary>
    private sealed record Part(SequenceSlice Slice, int[] Seen);

    /// <summary>Random tokens, in blocks that lie anywhere.</summary>
    private static List<Sequence> Sequences(ModelConfig config, int[] prompts, int more)
    {
        var random = new Random(9);
        var blocks = Enumerable.Range(0, prompts.Sum(prompt => ((prompt + more) / StepExecutor.BlockSize) + 1)).ToArray();
        random.Shuffle(blocks);
        var used = 0;
        return [.. prompts.Select(prompt =>
        {
            var count = ((prompt + more) / StepExecutor.BlockSize) + 1;
            used += count;
            return new Sequence([.. Enumerable.Range(0, prompt + more).Select(_ => random.Next(3, config.VocabSize))],
                blocks[(used - count)..used], prompt);
        })];
    }

    /// <summary>Prompts in pieces, beside tokens of those that are through; then single tokens.</summary>
    private static IEnumerable<IReadOnlyList<Part>> Steps(List<Sequence> sequences, int most = 90)
    {
        var done = new int[sequences.Count];
        while (sequences.Index().Any(item => done[item.Index] < item.Item.Ids.Length))
        {
            var step = new List<Part>();
            foreach (var (index, sequence) in sequences.Index())
            {
                var start = done[index];
                var end = start < sequence.Prompt ? Math.Min(start + most, sequence.Prompt) : Math.Min(start + 1, sequence.Ids.Length);
                if (start < end)
                {
                    step.Add(new Part(new SequenceSlice(sequence.Ids.AsMemory(start..end), start,
                        sequence.Blocks.AsMemory(0, ((end - 1) / StepExecutor.BlockSize) + 1), true), sequence.Ids[..end]));
                    done[index] = end;
                }
            }
            yield return step;
        }
    }

    private static double Distance(ReadOnlySpan<float> found, ReadOnlySpan<float> truth)
    {
        double sum = 0;
        for (var i = 0; i < truth.Length; i++)
        {
            sum += Math.Pow(found[i] - truth[i], 2);
        }
        return sum;
    }

    /// <summary>Tokens that a draw may give when its random number is off by no more than <paramref name="hair"/>.</summary>
    private static HashSet<int> Reference(ReadOnlySpan<float> logits, TokenDraw draw, double hair)
    {
        var all = logits.ToArray();
        var top = all.Max();
        if (draw.Temperature < 1e-5)
        {
            return [Array.IndexOf(all, top)];
        }
        var weights = all.Select(logit => Math.Exp((logit - top) / draw.Temperature)).ToArray();
        var sorted = weights.Index().OrderByDescending(item => item.Item).Take(draw.TopK > 0 ? draw.TopK : all.Length).ToList();
        double goal = draw.TopP * sorted.Sum(item => item.Item), reached = 0;
        var kept = draw.TopP < 1 ? sorted.TakeWhile(item =>
        {
            var more = reached < goal;
            reached += item.Item;
            return more;
        }) : sorted;
        var ids = kept.Where(item => item.Item >= draw.MinP).Select(item => item.Index).Order().ToList();
        var total = ids.Sum(id => weights[id]);
        double passed = 0;
        HashSet<int> near = [];
        foreach (var id in ids)
        {
            if (passed / total <= draw.Uniform + hair && (passed + weights[id]) / total >= draw.Uniform - hair)
            {
                near.Add(id);
            }
            passed += weights[id];
        }
        return near;
    }

    /// <summary>A model in bfloat16 and the same weights in float32; norms and biases are random too.</summary>
    private sealed class Pair : IDisposable
    {
        public Pair(ModelConfig config)
        {
            Config = config;
            Narrow = LlamaModel.Initialize(config, CUDA, bfloat16, seed: 4, onDevice: true);
            Wide = LlamaModel.Initialize(config, CUDA, float32, seed: 4, onDevice: true);
            RandomNumbers.Seed(CUDA, 8);
            Narrow.ReplaceWeights(Narrow.Weights().ToDictionary(weight => weight.Name, weight =>
                (weight.Tensor.dim() > 1 ? weight.Tensor.clone()
                : randn_like(weight.Tensor).mul_(0.1.AsScalar()).add_(weight.Name.EndsWith(".bias", StringComparison.Ordinal)
                    || config.NormPlusOne ? 0.0.AsScalar() : 1.0.AsScalar())).DetachFromDisposeScope()));
            Wide.ReplaceWeights(Narrow.Weights()
                .ToDictionary(weight => weight.Name, weight => weight.Tensor.to_type(float32).DetachFromDisposeScope()));
        }

        public ModelConfig Config { get; }
        public LlamaModel Narrow { get; }
        public LlamaModel Wide { get; }

        /// <summary>Logits after the last of these tokens.</summary>
        public float[] Last(LlamaModel model, int[] ids)
        {
            using var scope = NewDisposeScope();
            var logits = model.Forward(tensor(ids.Select(id => (long)id).ToArray(), device: CUDA).unsqueeze(0), lastOnly: true);
            return logits.reshape(-1).cpu().data<float>().ToArray();
        }

        public void Dispose()
        {
            Narrow.Dispose();
            Wide.Dispose();
        }
    }
}
