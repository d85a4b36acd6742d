using System.Runtime.InteropServices;

namespace LoraAspire.Machine.Gpu;

/// <summary>
/// The functions of NVIDIA's management library (nvml.h) that are used here. Each returns 0 for success; 3 means that this GPU doesn't
/// tell.
/// </summary>
internal static class Nvml
{
    public const int Success = 0;
    public const int NameLength = 96; // NVML_DEVICE_NAME_V2_BUFFER_SIZE
    public const int TemperatureOfGpu = 0;

    private const string Library = "libnvidia-ml.so.1";

    /// <summary>Whether the driver's library is on this machine.</summary>
    public static bool IsThere() => NativeLibrary.TryLoad(Library, out _);

    [DllImport(Library, EntryPoint = "nvmlInit_v2"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Init();

    [DllImport(Library, EntryPoint = "nvmlSystemGetDriverVersion"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int DriverVersion([Out] byte[] version, uint length);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetCount_v2"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Count(out uint count);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetHandleByIndex_v2"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int ByIndex(uint index, out nint device);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetHandleByPciBusId_v2", CharSet = CharSet.Ansi, BestFitMapping = false,
        ThrowOnUnmappableChar = true), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int ByPciBusId(string busId, out nint device);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetIndex"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Index(nint device, out uint index);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetName"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Name(nint device, [Out] byte[] name, uint length);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetUUID"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Uuid(nint device, [Out] byte[] uuid, uint length);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetMemoryInfo"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int MemoryInfo(nint device, out Memory memory);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetUtilizationRates"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int UtilizationRates(nint device, out Utilization utilization);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetTemperature"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Temperature(nint device, int sensor, out uint celsius);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetPowerUsage"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int PowerUsage(nint device, out uint milliwatts);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetEnforcedPowerLimit"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int PowerLimit(nint device, out uint milliwatts);

    [DllImport(Library, EntryPoint = "nvmlDeviceGetCudaComputeCapability"),
        DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int ComputeCapability(nint device, out int major, out int minor);

    /// <param name="count">In: how many there is room for; out: how many there are.</param>
    [DllImport(Library, EntryPoint = "nvmlDeviceGetComputeRunningProcesses_v3"), DefaultDllImportSearchPaths(
        DllImportSearchPath.SafeDirectories)]
    public static extern int ComputeProcesses(nint device, ref uint count, [Out] ProcessInfo[] processes);

    /// <summary>nvmlProcessInfo_t.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct ProcessInfo
    {
        public readonly uint Id;
        /// <summary>Bytes; all ones where the driver doesn't tell.</summary>
        public readonly ulong UsedMemory;
        public readonly uint GpuInstance;
        public readonly uint ComputeInstance;
    }

    /// <summary>nvmlMemory_t, bytes.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct Memory
    {
        public readonly ulong Total;
        public readonly ulong Free;
        public readonly ulong Used;
    }

    /// <summary>nvmlUtilization_t, percent of the last sample period.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public readonly struct Utilization
    {
        public readonly uint Gpu;
        public readonly uint Memory;
    }
}
