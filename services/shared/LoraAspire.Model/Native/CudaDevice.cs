using System.Runtime.InteropServices;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Native;

/// <summary>What the GPU at hand can do.</summary>
public static class CudaDevice
{
    /// <summary>
    /// Compute capability 8.0, Ampere: the first with bfloat16 in hardware, which flash attention and our kernels compute in.
    /// </summary>
    public const int Bfloat16 = 80;

    /// <summary>9.0: cuDNN's attention is written for its tensor cores, and a kernel may start before the one before it ends.</summary>
    public const int Hopper = 90;

    private const int MultiprocessorCount = 16, ComputeCapabilityMajor = 75, ComputeCapabilityMinor = 76; // CUdevice_attribute

    private static readonly Lazy<int> s_capability = new(Read);

    /// <summary>The compute capability of the first GPU, times ten: 75, 80, 90.</summary>
    /// <exception cref="ModelException">The driver reports nothing.</exception>
    public static int Capability() => s_capability.Value;

    /// <summary>As the compilers name it: of Hopper with what only it has, such as its tensor cores' own instructions.</summary>
    internal static string Architecture() => Capability() is Hopper ? $"{Hopper}a" : $"{Capability()}";

    /// <summary>Streaming multiprocessors of the first GPU.</summary>
    internal static int Processors()
    {
        Capability(); // initialises the driver
        CudaProgram.Check(cuDeviceGetAttribute(out var count, MultiprocessorCount, 0), "cuDeviceGetAttribute");
        return count;
    }

    /// <summary>What weights and activations are computed in where nobody chose: bfloat16 on a GPU that has it, else float32.</summary>
    public static ScalarType UsualType(torch.Device device) =>
        device.type == DeviceType.CUDA && Capability() >= Bfloat16 ? bfloat16 : float32;

    private static int Read()
    {
        // libtorch initialises the driver.
        empty([1], device: CUDA).Dispose();
        return cuDeviceGetAttribute(out var major, ComputeCapabilityMajor, 0) == 0
            && cuDeviceGetAttribute(out var minor, ComputeCapabilityMinor, 0) == 0
            ? (10 * major) + minor
            : throw new ModelException("The CUDA driver didn't report the GPU's compute capability.");
    }

    [DllImport("libcuda.so.1"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuDeviceGetAttribute(out int value, int attribute, int device);
}
