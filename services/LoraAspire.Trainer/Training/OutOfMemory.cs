using System.Runtime.InteropServices;
using LoraAspire.Model;

namespace LoraAspire.Trainer.Training;

/// <summary>How libtorch says that memory ran out.</summary>
public static class OutOfMemory
{
    private static readonly string[] Words = ["out of memory", "can't allocate memory", "not enough memory", "CUBLAS_STATUS_ALLOC_FAILED"];

    // Code 2 of the CUDA driver is CUDA_ERROR_OUT_OF_MEMORY.
    /// <summary>True for an allocation that failed. An operator called past TorchSharp gives no reason, so its failure may be one too: trying again smaller does no harm.</summary>
    public static bool Is(Exception error) =>
        (error is ExternalException && Words.Any(word => error.Message.Contains(word, StringComparison.OrdinalIgnoreCase)))
        || (error is ModelException && (error.Message.StartsWith("libtorch could not run", StringComparison.Ordinal) || error.Message.EndsWith("failed with code 2.", StringComparison.Ordinal)))
        || error is OutOfMemoryException;
}
