using System.Diagnostics;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Benchmarks;

/// <summary>What plain matrix products reach on a device in this process: 8192³ on a GPU, 1024×2048×2048 on a CPU.</summary>
internal static class MatrixProducts
{
    private const int Products = 25;

    /// <summary>FLOP a second over so many products; on a CPU that takes about as long as a step of training does.</summary>
    /// <returns>By the clock, and by the time that this process had a core.</returns>
    public static (double ByClock, double ByCore) Flops(torch.Device device, ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var onGpu = device.type == DeviceType.CUDA;
        long m = onGpu ? 8192 : 1024, n = onGpu ? 8192 : 2048;
        Tensor a = randn([m, n], dtype, device), b = randn([n, n], dtype, device);
        a.mm(b).Dispose(); // the first of its kind in a process has more to do
        Wait();
        var (start, cores) = (Stopwatch.GetTimestamp(), Environment.CpuUsage.TotalTime);
        for (var i = 0; i < Products; i++)
        {
            a.mm(b).Dispose();
        }
        Wait();
        var flops = 2.0 * m * n * n * Products;
        return (flops / Stopwatch.GetElapsedTime(start).TotalSeconds, flops / (Environment.CpuUsage.TotalTime - cores).TotalSeconds);

        void Wait()
        {
            if (onGpu)
            {
                cuda.synchronize();
            }
        }
    }
}
