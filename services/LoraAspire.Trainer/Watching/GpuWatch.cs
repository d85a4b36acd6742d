using System.Diagnostics;
using System.Runtime.InteropServices;
using LoraAspire.Machine.Gpu;
using LoraAspire.Pipelines.Stages;
using TorchSharp;

namespace LoraAspire.Trainer.Watching;

/// <summary>The figures of the GPU that a run computes on, read anew at most once a second.</summary>
internal sealed class GpuWatch
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    private const int BusIdLength = 32;

    private readonly Gpus? _gpus;
    private readonly string? _busId;
    private long? _readAt;
    private GpuFigures? _latest;

    public GpuWatch(torch.Device device)
    {
        if (device.type == DeviceType.CUDA)
        {
            (_gpus, _busId) = (Gpus.Open(out _), BusId(Math.Max(0, device.index)));
        }
    }

    /// <summary>Null where there is no GPU, or the driver reports nothing.</summary>
    public GpuFigures? Read()
    {
        if (_gpus is not null && _busId is not null && (_readAt is null || Stopwatch.GetElapsedTime(_readAt.Value) >= Interval))
        {
            (_readAt, _latest) = (Stopwatch.GetTimestamp(), _gpus.Read(_busId));
        }
        return _latest;
    }

    private static string? BusId(int device)
    {
        var text = new byte[BusIdLength];
        return cuDeviceGet(out var handle, device) == 0 && cuDeviceGetPCIBusId(text, BusIdLength, handle) == 0
            ? System.Text.Encoding.ASCII.GetString(text, 0, Array.IndexOf(text, (byte)0)) : null;
    }

    [DllImport("libcuda.so.1"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuDeviceGet(out int device, int ordinal);

    [DllImport("libcuda.so.1"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuDeviceGetPCIBusId([Out] byte[] text, int length, int device);
}
