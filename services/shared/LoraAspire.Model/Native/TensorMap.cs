using System.Runtime.InteropServices;

namespace LoraAspire.Model.Native;

/// <summary>
/// How the tensor memory accelerator of a Hopper GPU reads boxes of a matrix of bfloat16 into shared memory, rows of 128 bytes swizzled;
/// what lies outside the matrix is read as zeros. Made by the driver, as cuTensorMapEncodeTiled documents it.
/// </summary>
internal static unsafe class TensorMap
{
    /// <summary>Bytes of a map.</summary>
    public const int Size = 128;

    private const int Alignment = 64, Bfloat16 = 9, Swizzle128 = 3, Promote128 = 2;

    private static readonly Lazy<nint> s_encode = new(() =>
        NativeLibrary.TryLoad("libcuda.so.1", out var driver)
        && NativeLibrary.TryGetExport(driver, "cuTensorMapEncodeTiled", out var encode) ? encode : 0);

    /// <summary>The driver knows of them.</summary>
    public static bool IsThere => s_encode.Value != 0;

    /// <param name="to">128 bytes</param>
    /// <param name="data">On the device, a multiple of 16.</param>
    /// <param name="stride">Numbers from one row to the next, a multiple of 8.</param>
    /// <param name="boxColumns">At most 64.</param>
    /// <param name="boxRows">At most 256.</param>
    /// <exception cref="ModelException">The driver refuses it.</exception>
    public static void Show(Span<byte> to, nint data, long rows, long columns, long stride, int boxColumns, int boxRows)
    {
        var encode = (delegate* unmanaged<byte*, int, uint, void*, ulong*, ulong*, uint*, uint*, int, int, int, int, int>)s_encode.Value;
        var room = stackalloc byte[Size + Alignment];
        var map = (byte*)(((nint)room + Alignment - 1) & -Alignment);
        var sizes = stackalloc ulong[] { (ulong)columns, (ulong)rows };
        var strides = stackalloc ulong[] { (ulong)stride * sizeof(ushort) };
        var box = stackalloc uint[] { (uint)boxColumns, (uint)boxRows };
        var steps = stackalloc uint[] { 1, 1 };
        CudaProgram.Check(encode(map, Bfloat16, 2, (void*)data, sizes, strides, box, steps, 0, Swizzle128, Promote128, 0),
            "cuTensorMapEncodeTiled");
        new ReadOnlySpan<byte>(map, Size).CopyTo(to);
    }
}
