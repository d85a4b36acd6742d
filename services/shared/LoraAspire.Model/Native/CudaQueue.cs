using System.Runtime.InteropServices;
using static LoraAspire.Model.Native.CudaProgram;

namespace LoraAspire.Model.Native;

/// <summary>
/// A stream of the driver's own, beside the one that libtorch works on: launches, copies and graphs. One thread uses it at a time, any
/// thread after <see cref="Enter"/>.
/// </summary>
internal sealed unsafe class CudaQueue : IDisposable
{
    private const uint NonBlocking = 1;
    private const int Relaxed = 2;                      // CU_STREAM_CAPTURE_MODE_RELAXED
    private const int MostSharedBytes = 8;              // CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
    private const int ProgrammaticSerialization = 6;    // CU_LAUNCH_ATTRIBUTE_PROGRAMMATIC_STREAM_SERIALIZATION

    // The device's own context, which libtorch works in too, kept for the life of the process.
    private static readonly Lazy<nint> s_context = new(() =>
    {
        TorchSharp.torch.empty([1], device: TorchSharp.torch.CUDA).Dispose(); // libtorch initialises the driver
        Check(cuDevicePrimaryCtxRetain(out var context, 0), nameof(cuDevicePrimaryCtxRetain));
        return context;
    });

    public CudaQueue()
    {
        Enter();
        Check(cuStreamCreate(out var stream, NonBlocking), nameof(cuStreamCreate));
        Stream = stream;
    }

    public nint Stream { get; }

    /// <summary>Kernels may start before the one before them ends; they wait inside.</summary>
    private bool Overlaps { get; } = CudaDevice.Capability() >= CudaDevice.Hopper;

    /// <summary>Gives the calling thread the device's context.</summary>
    public static void Enter() => Check(cuCtxSetCurrent(s_context.Value), nameof(cuCtxSetCurrent));

    /// <summary>Bytes of device memory that no process has taken.</summary>
    public static long FreeBytes()
    {
        Check(cuMemGetInfo_v2(out var free, out _), nameof(cuMemGetInfo_v2));
        return (long)free;
    }

    /// <summary>Lets a kernel use this much shared memory.</summary>
    public static void AllowShared(nint function, int bytes) =>
        Check(cuFuncSetAttribute(function, MostSharedBytes, bytes), nameof(cuFuncSetAttribute));

    /// <param name="first">A struct that is the first argument, or null.</param>
    /// <param name="arguments">The others: one 8-byte slot each, an address, a long, or an int or float in the low half.</param>
    public void Launch(nint function, (long X, long Y, long Z) grid, int block, int shared, void* first,
        params ReadOnlySpan<ulong> arguments)
    {
        var slots = stackalloc ulong[arguments.Length + 1];
        arguments.CopyTo(new Span<ulong>(slots, arguments.Length));
        var pointers = stackalloc void*[arguments.Length + 1];
        var at = 0;
        if (first is not null)
        {
            pointers[at++] = first;
        }
        for (var i = 0; i < arguments.Length; i++)
        {
            pointers[at++] = slots + i;
        }
        LaunchAttribute attribute = new() { Id = ProgrammaticSerialization, Value = 1 };
        LaunchConfig config = new()
        {
            GridX = (uint)grid.X,
            GridY = (uint)grid.Y,
            GridZ = (uint)grid.Z,
            BlockX = (uint)block,
            BlockY = 1,
            BlockZ = 1,
            SharedBytes = (uint)shared,
            Stream = Stream,
            Attributes = &attribute,
            Count = Overlaps ? 1u : 0u,
        };
        Check(cuLaunchKernelEx(&config, function, pointers, null), nameof(cuLaunchKernelEx));
    }

    public void ToDevice(nint device, nint host, long bytes) =>
        Check(cuMemcpyHtoDAsync_v2(device, host, (nuint)bytes, Stream), nameof(cuMemcpyHtoDAsync_v2));

    public void ToHost(nint host, nint device, long bytes) =>
        Check(cuMemcpyDtoHAsync_v2(host, device, (nuint)bytes, Stream), nameof(cuMemcpyDtoHAsync_v2));

    /// <summary>Waits for all that was given to it.</summary>
    public void Wait() => Check(cuStreamSynchronize(Stream), nameof(cuStreamSynchronize));

    /// <summary>What <paramref name="work"/> enqueues, as a graph that can be launched again and again.</summary>
    public nint Capture(Action work)
    {
        Check(cuStreamBeginCapture_v2(Stream, Relaxed), nameof(cuStreamBeginCapture_v2));
        nint graph;
        try
        {
            work();
        }
        finally
        {
            Check(cuStreamEndCapture(Stream, out graph), nameof(cuStreamEndCapture));
        }
        var code = cuGraphInstantiateWithFlags(out var instance, graph, 0);
        _ = cuGraphDestroy(graph);
        Check(code, nameof(cuGraphInstantiateWithFlags));
        return instance;
    }

    public void Run(nint graph) => Check(cuGraphLaunch(graph, Stream), nameof(cuGraphLaunch));

    public static void Free(nint graph) => _ = cuGraphExecDestroy(graph);

    public void Dispose() => _ = cuStreamDestroy_v2(Stream);

    [StructLayout(LayoutKind.Sequential)]
    private struct LaunchConfig
    {
        public uint GridX, GridY, GridZ, BlockX, BlockY, BlockZ, SharedBytes;
        public nint Stream;
        public LaunchAttribute* Attributes;
        public uint Count;
    }

    [StructLayout(LayoutKind.Explicit, Size = 72)]
    private struct LaunchAttribute
    {
        [FieldOffset(0)]
        public int Id;
        [FieldOffset(8)]
        public int Value;
    }

    private const string Driver = "libcuda.so.1";

    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuDevicePrimaryCtxRetain(out nint context, int device);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuCtxSetCurrent(nint context);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuStreamCreate(out nint stream, uint flags);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuStreamDestroy_v2(nint stream);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuStreamSynchronize(nint stream);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuMemGetInfo_v2(out nuint free, out nuint total);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuMemcpyHtoDAsync_v2(nint device, nint host, nuint bytes, nint stream);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuMemcpyDtoHAsync_v2(nint host, nint device, nuint bytes, nint stream);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuFuncSetAttribute(nint function, int attribute, int value);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuLaunchKernelEx(LaunchConfig* config, nint function, void** arguments, void** extra);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuStreamBeginCapture_v2(nint stream, int mode);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuStreamEndCapture(nint stream, out nint graph);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuGraphInstantiateWithFlags(out nint instance, nint graph, ulong flags);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuGraphLaunch(nint instance, nint stream);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuGraphExecDestroy(nint instance);
    [DllImport(Driver), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int cuGraphDestroy(nint graph);
}
