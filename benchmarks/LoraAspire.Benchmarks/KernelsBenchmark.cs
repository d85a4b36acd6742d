using System.CommandLine;
using System.Diagnostics;
using System.Text.Json;
using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>
/// Each run-time compiled kernel against the plain operators: the largest difference relative to the largest value, and the time of both.
/// </summary>
internal static class KernelsBenchmark
{
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
        Kernels fast = new CudaKernels(), plain = new TorchKernels();
        var kernels = KernelCase.All(plain).Select(one =>
        {
            var difference = one.Difference(fast, plain);
            var (milliseconds, plainMilliseconds) = (Milliseconds(() => one.Work(fast)), Milliseconds(() => one.Work(plain)));
            Console.WriteLine($"{one.Name,-40} difference {difference:E1}   {milliseconds:F3} ms, plain {plainMilliseconds:F3} ms");
            var off = difference > one.Tolerance;
            return new { name = one.Name, difference, off, milliseconds, plain_milliseconds = plainMilliseconds };
        }).ToList();
        var worst = kernels.Max(kernel => kernel.difference);
        Console.WriteLine(JsonSerializer.Serialize(new { name = "kernels", device = "cuda", worst_difference = worst, kernels }));
        return kernels.Any(kernel => kernel.off) ? 1 : 0;
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
