using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Model.Adapters;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using LoraAspire.Trainer.Training;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// Each run-time compiled kernel against the plain operators in float32 on the same bfloat16 numbers: the largest difference relative to the largest value, and the time of both, at Llama-2-7B's widths.
/// Two roundings to bfloat16 (2⁻⁸ each) may lie between the two.
/// </summary>
internal static class KernelsBenchmark
{
    private const int Tokens = 7552, Hidden = 4096, Intermediate = 11008, Heads = 32, Length = 472, Vocabulary = 32000, Head = 2048;
    private const double Tolerance = 0.02;

    public static Command Command()
    {
        var command = new Command("kernels", "The CUDA kernels against the plain operators: differences and times. Fails when one is off.");
        command.SetAction(_ => Run());
        return command;
    }

    private static int Run()
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        RandomNumbers.Seed(CUDA, 1);
        Kernels fast = new CudaKernels(), plain = new TorchKernels();
        Tensor Random(long rows, long columns, double scale = 1) => randn([rows, columns], bfloat16, CUDA).mul_(scale);
        Tensor x = Random(Tokens, Hidden), other = Random(Tokens, Hidden), weight = randn([Hidden], bfloat16, CUDA);
        Tensor gateUp = Random(Tokens, 2 * Intermediate), inner = Random(Tokens, Intermediate), qkv = Random(Tokens, 3 * Hidden);
        var heads = new HeadLayout(Heads, Heads, Hidden / Heads, null);
        var angles = outer(arange(Length, float32, CUDA), randn([heads.Dim / 2], float32, CUDA));
        var both = cat([angles, angles], -1);
        Tensor cos = both.cos(), sin = both.sin(), positions = arange(Tokens, int32, CUDA).remainder(Length).to_type(int32);
        Tensor matrix = Random(24, Hidden, 0.02), low = Random(Tokens, 24), logits = Random(Head, Vocabulary, 3);
        var targets = randint(0, Vocabulary, [Head], int64, CUDA);
        var weights = rand([Head], float32, CUDA);
        Tile[] tiles = [.. Enumerable.Range(0, 3).Select(module => new Tile(2, Dropout.Of(7, module, 0.05)))];
        Tile[] one = [new Tile(2, Dropout.None)];
        var inverse = plain.Norm(x, null, weight, 1e-5).InverseRms;

        (string Name, Func<Kernels, Tensor[]> Work)[] works =
        [
            ("norm", k => { var (_, n, r) = k.Norm(x, null, weight, 1e-5); return [n, r]; }),
            ("add, norm", k => { var (s, n, r) = k.Norm(x, other, weight, 1e-5); return [s, n, r]; }),
            ("norm backward", k => [k.NormBackward(other, x, inverse, weight, other)]),
            ("swiglu", k => [k.SwiGlu(gateUp)]),
            ("swiglu backward", k => { var copy = gateUp.clone(); k.SwiGluBackward(inner, copy); return [copy]; }),
            ("rope", k => { var copy = qkv.clone(); k.Rope(copy, heads, positions, cos, sin); return [copy]; }),
            ("rope backward", k => [k.RopeBackward(x, other, inner.narrow(1, 0, Hidden).contiguous(), heads, positions, cos, sin)]),
            ("project, 3 tiles, dropout", k => { var to = empty([Tokens, 24], bfloat16, CUDA); k.Project(x, matrix, to, tiles); return [to]; }),
            ("project a slice", k => { var to = empty([Tokens, 8], bfloat16, CUDA); k.Project(qkv.narrow(1, Hidden, Hidden), matrix.narrow(0, 8, 8), to, one); return [to]; }),
            ("expand", k => { var copy = qkv.clone(); k.Expand(copy.narrow(1, Hidden, Hidden), low.narrow(1, 8, 8), matrix.narrow(0, 8, 8)); return [copy]; }),
            ("accumulate a slice", k => { var sums = zeros([8, Hidden], float32, CUDA); k.Accumulate(qkv.narrow(1, Hidden, Hidden), low.narrow(1, 8, 8), sums, one); return [sums]; }),
            ("accumulate, 3 tiles, dropout, gradient", k => { var sums = zeros([24, Hidden], float32, CUDA); var copy = x.clone(); k.Accumulate(x, low, sums, tiles, matrix, copy); return [sums, copy]; }),
            ("cross entropy", k => { var copy = logits.clone(); var losses = k.CrossEntropy(copy, targets, weights); return [losses, copy]; }),
        ];
        var worst = 0.0;
        var lines = new List<object>();
        foreach (var (name, work) in works)
        {
            using var own = NewDisposeScope();
            Tensor[] expected = work(plain), got = work(fast);
            var difference = expected.Zip(got).Max(pair => (double)(pair.First.to_type(float32) - pair.Second.to_type(float32)).abs().max().item<float>() / Math.Max(1e-6, pair.First.abs().max().to_type(float32).item<float>()));
            worst = Math.Max(worst, double.IsNaN(difference) ? double.PositiveInfinity : difference);
            var (fastTime, plainTime) = (Milliseconds(() => work(fast)), Milliseconds(() => work(plain)));
            Console.WriteLine($"{name,-40} difference {difference:E1}   {fastTime:F3} ms, plain {plainTime:F3} ms");
            lines.Add(new { name, difference, milliseconds = fastTime, plain_milliseconds = plainTime });
        }
        worst = Math.Max(worst, WholeModel(null));
        worst = Math.Max(worst, WholeModel(48));
        Console.WriteLine(JsonSerializer.Serialize(new { name = "kernels", device = "cuda", worst_difference = worst, kernels = lines }));
        return worst <= Tolerance ? 0 : 1;
    }

    /// <summary>Loss and gradients of a small model with grouped heads, by the kernels in bfloat16 and by autograd in float32 on the same weights; rows of uneven length.</summary>
    /// <returns>‖difference‖ / ‖gradient‖ over ten, since bfloat16's rounding grows through the layers.</returns>
    private static double WholeModel(int? window)
    {
        using var scope = NewDisposeScope();
        using var grad = enable_grad();
        var config = TrainerBenchmark.Shape(2048, 1024, 2816, 4, 8) with { NumKeyValueHeads = 2, SlidingWindow = [.. Enumerable.Repeat(window, 4)] };
        (double Loss, Tensor Gradient) Of(ScalarType dtype)
        {
            using var model = LlamaModel.Initialize(config, CUDA, bfloat16, seed: 4, onDevice: true);
            using var wide = dtype == bfloat16 ? null : LlamaModel.Initialize(config, CUDA, float32, seed: 4, onDevice: true);
            wide?.ReplaceWeights(model.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor.to_type(float32)));
            var used = wide ?? model;
            used.AttachFresh(new LoraConfig(8, 16, 0, [LoraConfig.AllLinear]), seed: 4);
            using var parameters = ParameterSet.OfAdapters(used);
            using (no_grad())
            {
                RandomNumbers.Seed(CUDA, 3);
                parameters.Values.add_(randn_like(parameters.Values).mul_(0.02));
            }
            using var objective = new Objective(used, autograd: dtype == float32);
            var rows = Workload.Step([17, 130, 64, 255, 33], 4096, objective.Packed, config.VocabSize, seed: 6).Single();
            objective.BeginStep();
            var loss = objective.Backward(rows, 1).item<float>();
            objective.EndStep();
            return (loss, parameters.Gradients.clone());
        }
        var (loss, gradient) = Of(bfloat16);
        var (expectedLoss, expected) = Of(float32);
        var difference = (gradient - expected).norm().item<float>() / expected.norm().item<float>();
        Console.WriteLine($"a whole model, window {window?.ToString() ?? "none"}: loss {loss:F4}, in float32 {expectedLoss:F4}; gradients differ by {difference:E1} of their norm");
        return Math.Max(difference / 10.0, Math.Abs(loss - expectedLoss));
    }

    private static double Milliseconds(Func<Tensor[]> work)
    {
        const int Rounds = 5;
        long start = 0;
        for (var i = -1; i < Rounds; i++)
        {
            using var scope = NewDisposeScope();
            if (i == 0)
            {
                cuda.synchronize();
                start = Stopwatch.GetTimestamp();
            }
            work();
        }
        cuda.synchronize();
        return Math.Round(Stopwatch.GetElapsedTime(start).TotalMilliseconds / Rounds, 4);
    }
}
