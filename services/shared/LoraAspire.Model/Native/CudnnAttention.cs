using System.Runtime.InteropServices;
using static TorchSharp.torch;

namespace LoraAspire.Model.Native;

/// <summary>
/// cuDNN's causal attention, [rows, heads, tokens, dim] throughout, by libtorch's C functions of its own: the dispatcher's C interface
/// (<see cref="Aten"/>) can't give back this operator's results, tensors and numbers mixed. Key and value may have fewer heads than query.
/// </summary>
internal static unsafe class CudnnAttention
{
    private const string Library = "torch_cuda";

    /// <summary>The loaded libtorch has them.</summary>
    public static bool IsThere => s_isThere.Value;

    private static readonly Lazy<bool> s_isThere =
        new(() => LibTorch.Has(Library, nameof(aoti_torch_cuda__scaled_dot_product_cudnn_attention))
            && LibTorch.Has(Library, nameof(aoti_torch_cuda__scaled_dot_product_cudnn_attention_backward)));

    /// <returns>The output, and what the backward wants of it.</returns>
    public static (Tensor Output, Tensor LogSumExp, Tensor Seed, Tensor Offset) Forward(Tensor query, Tensor key, Tensor value)
    {
        var results = stackalloc nint[7];
        var longest = stackalloc long[2];
        Require(() => aoti_torch_cuda__scaled_dot_product_cudnn_attention(query.Handle, key.Handle, value.Handle, null, 1, 0, 1, 0, null,
            &results[0], &results[1], &results[2], &results[3], &longest[0], &longest[1], &results[4], &results[5], &results[6]));
        Tensor Result(nint handle) => Tensor.UnsafeCreateTensor(handle);
        foreach (var unused in new[] { results[2], results[3], results[6] })
        {
            Result(unused).Dispose();
        }
        return (Result(results[0]), Result(results[1]), Result(results[4]), Result(results[5]));
    }

    public static (Tensor Query, Tensor Key, Tensor Value) Backward(Tensor gradient, Tensor query, Tensor key, Tensor value, Tensor output,
        Tensor logSumExp, Tensor seed, Tensor offset)
    {
        var none = stackalloc nint[1];
        Require(() => aoti_torch_new_uninitialized_tensor(none));
        using var left = Tensor.UnsafeCreateTensor(*none);
        var results = stackalloc nint[3];
        Require(() => aoti_torch_cuda__scaled_dot_product_cudnn_attention_backward(gradient.Handle, query.Handle, key.Handle, value.Handle,
            output.Handle, logSumExp.Handle, seed.Handle, offset.Handle, *none, *none, *none, query.size(2), key.size(2), 0, 1, null,
            &results[0], &results[1], &results[2]));
        return (Tensor.UnsafeCreateTensor(results[0]), Tensor.UnsafeCreateTensor(results[1]), Tensor.UnsafeCreateTensor(results[2]));
    }

    /// <exception cref="ModelException">It failed; the message has libtorch's own words, by which a lack of memory is known.</exception>
    private static void Require(Func<int> call)
    {
        if (call() == 0)
        {
            return;
        }
        var failed = true;
        var words = StandardError.During(() => failed = call() != 0);
        if (failed)
        {
            throw new ModelException($"cuDNN's attention failed: {Aten.Reason(words)}");
        }
    }

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int aoti_torch_cuda__scaled_dot_product_cudnn_attention(nint query, nint key, nint value, nint* bias,
        int withLogSumExp, double dropout, int isCausal, int withMask, double* scale, nint* output, nint* logSumExp, nint* queryStarts,
        nint* keyStarts, long* maxQueries, long* maxKeys, nint* seed, nint* offset, nint* mask);

    [DllImport(Library), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int aoti_torch_cuda__scaled_dot_product_cudnn_attention_backward(nint gradient, nint query, nint key, nint value,
        nint output, nint logSumExp, nint seed, nint offset, nint bias, nint queryStarts, nint keyStarts, long maxQueries, long maxKeys,
        double dropout, int isCausal, double* scale, nint* queryGradient, nint* keyGradient, nint* valueGradient);

    [DllImport("torch_cpu"), DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int aoti_torch_new_uninitialized_tensor(nint* result);
}
