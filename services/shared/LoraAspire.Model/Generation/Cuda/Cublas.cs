using System.Runtime.InteropServices;
using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Cuda;

/// <summary>cuBLAS, as the loaded libtorch brought it, with a handle and a workspace of its own on one stream.</summary>
internal sealed unsafe class Cublas : IDisposable
{
    private const long WorkspaceBytes = 32L << 20; // what its vendor advises for Hopper
    private const int Plain = 0, Transposed = 1;                // cublasOperation_t
    private const int Bfloat16 = 14, Float32 = 0;               // cudaDataType_t
    private const int InFloat32 = 68, DefaultAlgorithm = -1;    // cublasComputeType_t, cublasGemmAlgo_t

    // By the names under which a libtorch of CUDA 13 or 12 has loaded it.
    private static readonly string[] s_names = ["libcublas.so.13", "libcublas.so.12"];

    private readonly nint _handle;
    private readonly Tensor _workspace;
    private readonly delegate* unmanaged<nint, int, int, int, int, int, void*, void*, int, int, void*, int, int, void*, void*, int, int,
        int, int, int> _multiply;
    private readonly delegate* unmanaged<nint, int> _destroy;

    /// <exception cref="ModelException">This libtorch has none.</exception>
    public Cublas(CudaQueue queue)
    {
        nint library = 0;
        if (!s_names.Any(name => NativeLibrary.TryLoad(name, out library)))
        {
            throw new ModelException($"None of {string.Join(", ", s_names)} loads: they belong to every libtorch with CUDA.");
        }
        nint Export(string symbol) => NativeLibrary.GetExport(library, symbol);
        _multiply = (delegate* unmanaged<nint, int, int, int, int, int, void*, void*, int, int, void*, int, int, void*, void*, int, int,
            int, int, int>)Export("cublasGemmEx");
        _destroy = (delegate* unmanaged<nint, int>)Export("cublasDestroy_v2");
        // First, for it may find no room, and the handle would be lost with it.
        _workspace = empty([WorkspaceBytes], uint8, CUDA).DetachFromDisposeScope();
        nint handle;
        CudaProgram.Check(((delegate* unmanaged<nint*, int>)Export("cublasCreate_v2"))(&handle), "cublasCreate");
        _handle = handle;
        CudaProgram.Check(((delegate* unmanaged<nint, nint, int>)Export("cublasSetStream_v2"))(handle, queue.Stream), "cublasSetStream");
        CudaProgram.Check(((delegate* unmanaged<nint, nint, nuint, int>)Export("cublasSetWorkspace_v2"))(handle, Aten.Data(_workspace),
            (nuint)WorkspaceBytes), "cublasSetWorkspace");
    }

    /// <summary>y = x·Wᵀ (+ y): x [n, k] and W [rows, k] bfloat16, y [n, rows].</summary>
    /// <param name="wide">y is float32, else bfloat16.</param>
    public void Product(nint w, nint x, nint y, (int Rows, int K, int N) size, bool wide, bool add = false)
    {
        // cuBLAS counts columns first: yᵀ [rows, n] = W · xᵀ.
        float one = 1, kept = add ? 1 : 0;
        CudaProgram.Check(_multiply(_handle, Transposed, Plain, size.Rows, size.N, size.K, &one, (void*)w, Bfloat16, size.K, (void*)x,
            Bfloat16, size.K, &kept, (void*)y, wide ? Float32 : Bfloat16, size.Rows, InFloat32, DefaultAlgorithm), "cublasGemmEx");
    }

    public void Dispose()
    {
        _ = _destroy(_handle);
        _workspace.Dispose();
    }
}
