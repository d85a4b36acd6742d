using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;

namespace LoraAspire.Trainer.Training;

/// <summary>Memory of the device that a run computes on, bytes.</summary>
/// <param name="Peak">Most that was in use so far. On a GPU: by all processes, as libtorch keeps what it once took.</param>
public sealed record DeviceMemory(long Peak, long Total, long Free, string Where)
{
    /// <summary>Null where the system doesn't report it.</summary>
    public static DeviceMemory? Read(torch.Device device) => device.type == DeviceType.CUDA ? OfGpu() : OfHost();

    private static DeviceMemory? OfGpu() =>
        cuMemGetInfo_v2(out var free, out var total) == 0 ? new((long)(total - free), (long)total, (long)free, "of the GPU's") : null;

    private static DeviceMemory? OfHost() =>
        Kilobytes("/proc/self/status", "VmHWM:") is { } peak && Kilobytes("/proc/meminfo", "MemTotal:") is { } total
            && Kilobytes("/proc/meminfo", "MemAvailable:") is { } free
            ? new(peak, total, free, "of the host's") : null;

    /// <summary>The value of a line such as "VmHWM:   1204 kB", in bytes.</summary>
    private static long? Kilobytes(string file, string name) =>
        File.Exists(file) && File.ReadLines(file).FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal)) is { } found
            ? 1024 * long.Parse(found[name.Length..].Replace("kB", "", StringComparison.Ordinal),
                NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture) : null;

    /// <summary>Of the current context, which libtorch has made by then.</summary>
    [DllImport("libcuda.so.1"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuMemGetInfo_v2(out nuint free, out nuint total);
}
