namespace LoraAspire.Model.Generation.Cpu;

/// <summary>What weights are kept as.</summary>
public enum CpuWeights
{
    Float32,
    BFloat16,
    /// <summary>
    /// Blocks of 32 whole numbers of 8 bits with a scale each, as llama.cpp's type of that name; activations are rounded alike.
    /// </summary>
    Q8_0,
}

/// <summary>How a <see cref="CpuExecutor"/> computes.</summary>
public sealed record CpuOptions
{
    public CpuWeights Weights { get; init; } = CpuWeights.Float32;

    /// <summary>The caller's among them.</summary>
    public int Threads { get; init; } = Environment.ProcessorCount;

    /// <summary>For keys and values; at least one block is had, whatever this is.</summary>
    public long CacheBytes { get; init; } = 1L << 30;

    public int MostSequences { get; init; } = 64;
    public int MostTokens { get; init; } = 512;

    /// <summary>Bits of the vectors that it computes with: 512, 256 or 128. Tests try all.</summary>
    internal int VectorBits { get; init; } = Kernels.WidestVector;
}
