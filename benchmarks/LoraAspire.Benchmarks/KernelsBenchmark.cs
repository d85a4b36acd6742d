using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// Each run-time compiled kernel against the plain operators: the largest difference relative to the largest value, and the
/// time of both in turn.
/// </summary>
internal static class KernelsBenchmark
{
    private const int Rounds = 5, Calls = 5;

    public static Command Command()
    {
        var only = new Option<string>("--only") { Description = "Those whose name has this in it.", DefaultValueFactory = _ => "" };
        var command = new Command("kernels", "The CUDA kernels against the plain operators: differences and times. Fails when one is off.")
        {
            only,
        };
        command.SetAction(parsed => Run(parsed.GetValue(only)!));
        return command;
    }

    private static int Run(string only)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        Kernels fast = new CudaKernels(), plain = new TorchKernels();
        var kernels = KernelCase.All(plain).Where(one => one.Name.Contains(only, StringComparison.Ordinal)).Select(one =>
        {
            var difference = one.Difference(fast, plain);
            var turns = InTurn.Measure(Rounds, () => Milliseconds(() => one.Work(plain)), () => Milliseconds(() => one.Work(fast)));
            var (milliseconds, plainMilliseconds) = (Math.Round(turns.Work, 4), Math.Round(turns.Reference, 4));
            var ratio = turns.OverReference.Rounded();
            Console.WriteLine($"{one.Name,-40} difference {difference:E1}   {milliseconds:F3} ms, plain {plainMilliseconds:F3} ms, "
                + $"ratio {ratio}");
            return new
            {
                name = one.Name,
                difference,
                off = difference > one.Tolerance,
                milliseconds,
                plain_milliseconds = plainMilliseconds,
                ratio = ratio.Median,
                ratio_least = ratio.Least,
                ratio_most = ratio.Most,
            };
        }).ToList();
        if (kernels.Count == 0)
        {
            Console.Error.WriteLine($"No kernel's name has '{only}' in it.");
            return 1;
        }
        var worst = kernels.Max(kernel => kernel.difference);
        Console.WriteLine(JsonSerializer.Serialize(new { name = "kernels", device = "cuda", worst_difference = worst, kernels }));
        return kernels.Any(kernel => kernel.off) ? 1 : 0;
    }

    private static double Milliseconds(Func<Tensor[]> work)
    {
        using var scope = NewDisposeScope();
        cuda.synchronize();
        var start = Stopwatch.GetTimestamp();
        for (var i = 0; i < Calls; i++)
        {
            using var inner = NewDisposeScope();
            work();
        }
        cuda.synchronize();
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds / Calls;
    }
}
