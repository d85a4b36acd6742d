using System.Runtime.InteropServices;
using LoraAspire.Model;

namespace LoraAspire.Trainer.Training;

/// <summary>How libtorch says that memory ran out.</summary>
internal static class OutOfMemory
{
    private static readonly string[] Words = ["out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED"];

    /// <summary>
    /// True for an allocation that failed, and for nothing else: a wrong shape or a broken kernel fails again however small the work is.
    /// </summary>
    public static bool Is(Exception error) => error switch
    {
        OutOfMemoryException => true,
        // TorchSharp's exception for what native code threw, and ours, which have libtorch's words.
        ExternalException or ModelException => Words.Any(word => error.Message.Contains(word, StringComparison.OrdinalIgnoreCase))
            || error.Message.EndsWith(CudaOutOfMemory, StringComparison.Ordinal),
        _ => false,
    };

    // CUDA_ERROR_OUT_OF_MEMORY of the driver, in CudaProgram's words.
    private const string CudaOutOfMemory = "failed with code 2.";
}
