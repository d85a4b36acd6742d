using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using LoraAspire.Model;
using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cpu;
using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Generation.Cpu.Threads;
using LoraAspire.Model.Network;
using LoraAspire.Tests.Adapters;
using LoraAspire.Tests.Goldens;
using LoraAspire.Tests.Goldens.Own;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Generation.Cpu;

/// <summary>Narrow weights, sizes that no caller should give, and threads that fail.</summary>
[Collection(TorchRandom.Name)]
public sealed class CpuFormsTests
{
    /// <summary>
    /// A weight of Q8_0 is off by half a step, 1/254 of its block's largest, at most, evenly: 0.3 % of a weight's spread of about a third
    /// of that. Weights and activations of 15 products in a row, each adding as much, give about 2 % of the logits' spread; bfloat16's
    /// 2⁻⁹ gives about half. Four times that is allowed.
    /// </summary>
    [Theory]
    [InlineData(CpuWeights.Q8_0, 0.08), InlineData(CpuWeights.BFloat16, 0.04)]
    public void Narrow_weights_change_the_logits_by_their_rounding(CpuWeights weights, double share)
    {
        using var scope = NewDisposeScope();
        var config = TinyModel.Config with
        {
            HiddenSize = 128,
            HeadDim = 64,
            IntermediateSize = 320,
            VocabSize = 500,
            InitializerRange = 0.09,
        };
        using var model = LlamaModel.Initialize(config, CPU, float32, seed: 4);
        int[] text = [.. Enumerable.Range(0, 30).Select(i => i * 13 % 500)];
        using var executor = CpuExecutor.Of(model, new CpuOptions { Weights = weights, Threads = 2, CacheBytes = 1 << 20 });

        var expected = model.Forward(tensor(text, int64).unsqueeze(0), lastOnly: true).reshape(-1);
        var error = tensor(Steps.Logits(executor, text)).sub(expected).std().item<float>() / expected.std().item<float>();

        Assert.InRange(error, 1e-6, share);
    }

    [Fact]
    public void Weights_that_a_file_has_as_bfloat16_are_the_same_numbers_in_both_forms()
    {
        var folder = OwnGoldens.At("models/qwen2_bf16");
        using var wide = CpuExecutor.Load(folder, new CpuOptions { Threads = 1, CacheBytes = 1 << 20 });
        using var narrow = CpuExecutor.Load(folder, new CpuOptions { Threads = 1, CacheBytes = 1 << 20, Weights = CpuWeights.BFloat16 });

        Assert.Equal(Steps.Logits(wide, [5, 6, 7, 8]), Steps.Logits(narrow, [5, 6, 7, 8]));
    }

    /// <summary>Processors multiply bytes in different ways; 8-bit products and their sums are exact in all.</summary>
    [Fact]
    public void Every_way_to_multiply_bytes_gives_the_same_sums()
    {
        var random = new Random(1);
        for (var i = 0; i < 200; i++)
        {
            // Extremes among them: 2 · 127 · 127 is what sums of 16 bits just hold.
            sbyte[] w = [.. Enumerable.Range(0, 32).Select(_ => (sbyte)(i < 4 ? (i % 2 == 0 ? 127 : -127) : random.Next(-127, 128)))];
            sbyte[] x = [.. Enumerable.Range(0, 32).Select(_ => (sbyte)(i < 4 ? (i < 2 ? 127 : -127) : random.Next(-127, 128)))];
            var expected = w.Zip(x).Sum(pair => pair.First * pair.Second);
            var weights = Vector256.Create<byte>([.. w.Select(value => (byte)(value + 128))]);
            var shift = Vector256.Create<int>([.. x.Chunk(4).Select(four => -128 * four.Sum(value => value))]);
            var activations = Vector256.Create<sbyte>(x);

            Assert.Equal(expected, Vector256.Sum(PlainProduct.Sums(weights, activations, shift)));
            Assert.Equal(expected, Avx2.IsSupported ? Vector256.Sum(Avx2Product.Sums(weights, activations, shift)) : expected);
            Assert.Equal(expected, AvxVnni.IsSupported ? Vector256.Sum(VnniProduct.Sums(weights, activations, shift)) : expected);
        }
    }

    [Fact]
    public void A_slice_that_fits_nothing_is_refused_before_anything_is_written()
    {
        using var model = LlamaModel.Initialize(TinyModel.Config, CPU, float32, seed: 1);
        using var executor = CpuExecutor.Of(model, new CpuOptions { Threads = 2, CacheBytes = 0, MostSequences = 2, MostTokens = 20 });
        SequenceSlice Slice(int[] ids, int start = 0, int[]? blocks = null) => new(ids, start, blocks ?? [0], true);
        Assert.Equal(1, executor.Blocks);

        Assert.All<SequenceSlice[]>(
        [
            [], [Slice([])], [Slice([32])], [Slice([-1])], [Slice([1], -1)], [Slice([1], 32)], [Slice([1], int.MaxValue)],
            [Slice([1], 16)], [Slice([1], blocks: [1])], [Slice([1], blocks: [-1])], [Slice([1], blocks: [])],
            [Slice([1]) with { Adapter = 0 }], [Slice(new int[21])], [Slice([1]), Slice([1]), Slice([1])],
        ], slices => Assert.Throws<ArgumentException>(() => executor.Run(slices)));
        Assert.Throws<ModelException>(() => executor.MeanHidden([]));
        Assert.Throws<ModelException>(() => executor.MeanHidden(new int[33]));
        Assert.Equal(32, executor.Run([Slice([1])]).Logits(0).Length);
        Assert.Throws<InvalidOperationException>(() => { executor.Run([Slice([1]) with { WantsLogits = false }]).Logits(0); });
    }

    [Fact]
    public void A_member_that_fails_ends_the_work_and_not_the_team()
    {
        using var team = new WorkerTeam(3);
        for (var i = 0; i < 50; i++)
        {
            var failing = i % 3;
            Assert.Equal("it broke", Assert.Throws<InvalidOperationException>(() => team.Run(me =>
            {
                team.Meet();
                if (me == failing)
                {
                    throw new InvalidOperationException("it broke");
                }
                team.Meet();
            })).Message);
            var sum = 0;
            team.Run(me =>
            {
                Interlocked.Add(ref sum, me + 1);
                team.Meet();
                Assert.Equal(6, sum);
            });
        }
    }
}
