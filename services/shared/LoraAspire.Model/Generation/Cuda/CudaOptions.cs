namespace LoraAspire.Model.Generation.Cuda;

/// <summary>What a <see cref="CudaExecutor"/> may take.</summary>
public sealed record CudaOptions
{
    /// <summary>Sequences of one step at most.</summary>
    public int MostSequences { get; init; } = 256;

    /// <summary>Tokens of one step at most; its activations are held for as many.</summary>
    public int MostTokens { get; init; } = 2048;

    /// <summary>Positions of one sequence at most, where the model's context is longer.</summary>
    public int MostPositions { get; init; } = 1 << 17;

    /// <summary>Device memory for keys and values; null takes nine tenths of what is free once the weights are there.</summary>
    public long? CacheBytes { get; init; }

    /// <summary>Kernels are read from the .cu files of this folder instead of this assembly: for work on them.</summary>
    public string? KernelFolder { get; init; }

    /// <summary>Decoding steps run as CUDA graphs; without, every kernel is launched by itself (for comparison).</summary>
    public bool Graphs { get; init; } = true;
}
