using System.Runtime.InteropServices;

namespace LoraAspire.Model.Devices;

/// <summary>
/// The functions of NCCL that are used here (nccl.h, version 2). It comes with every libtorch with CUDA, which has it loaded.
/// </summary>
internal static unsafe class Nccl
{
    private const int Success = 0;
    public const int Int8 = 0, Float32 = 7;
    public const int Sum = 0;

    private const string Library = "libnccl.so.2";

    /// <summary>What a group of devices finds together by.</summary>
    [StructLayout(LayoutKind.Sequential)]
    public struct UniqueId
    {
        public const int Length = 128;
        public fixed byte Bytes[Length];
    }

    [DllImport(Library, EntryPoint = "ncclGetUniqueId"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int GetUniqueId(out UniqueId id);

    [DllImport(Library, EntryPoint = "ncclCommInitRank"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Join(out nint communicator, int count, UniqueId id, int rank);

    [DllImport(Library, EntryPoint = "ncclCommAbort"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Abort(nint communicator);

    [DllImport(Library, EntryPoint = "ncclAllReduce"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int AllReduce(nint from, nint to, nuint count, int type, int operation, nint communicator, nint stream);

    [DllImport(Library, EntryPoint = "ncclBroadcast"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int Broadcast(nint from, nint to, nuint count, int type, int root, nint communicator, nint stream);

    [DllImport(Library, EntryPoint = "ncclAllGather"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    public static extern int AllGather(nint part, nint whole, nuint partCount, int type, nint communicator, nint stream);

    [DllImport(Library, EntryPoint = "ncclGetErrorString"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern nint ErrorString(int code);

    /// <exception cref="IOException">It failed.</exception>
    public static void Check(int code, string what)
    {
        if (code != Success)
        {
            throw new IOException($"NCCL: {what} failed: {Marshal.PtrToStringUTF8(ErrorString(code))} ({code}). NCCL_DEBUG=WARN in the "
                + "environment of the trainer has it say more.");
        }
    }
}
