using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Network;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>
/// Keys and values in blocks of 16 positions: of each key/value head keys as [head_dim, 16], so that one vector has a dimension of several
/// positions, and values as [16, head_dim], padded to 16.
/// </summary>
internal sealed unsafe class PagedCache : IDisposable
{
    private const int Positions = StepExecutor.BlockSize;

    private readonly NativeBuffer _memory;
    private readonly int _heads, _dim;

    public PagedCache(ModelConfig config, int blocks)
    {
        (_heads, _dim, Blocks) = (config.NumKeyValueHeads, config.HeadDim, blocks);
        PaddedDim = NumberRows.Width(_dim);
        _memory = new NativeBuffer(checked(BytesPerBlock(config) * blocks), cleared: false);
    }

    public int Blocks { get; }

    /// <summary>Of a head.</summary>
    public int Dim => _dim;

    /// <summary>Floats between the values of two positions.</summary>
    public int PaddedDim { get; }

    public static long BytesPerBlock(ModelConfig config) => checked((long)config.NumHiddenLayers * config.NumKeyValueHeads * Positions
        * (config.HeadDim + NumberRows.Width(config.HeadDim)) * sizeof(float));

    /// <summary>[head_dim, 16]</summary>
    public float* Keys(int layer, int block, int head) =>
        (float*)_memory.Address + ((((long)layer * Blocks) + block) * _heads + head) * (Positions * (_dim + PaddedDim));

    /// <summary>[16, <see cref="PaddedDim"/>]</summary>
    public float* Values(int layer, int block, int head) => Keys(layer, block, head) + (Positions * _dim);

    /// <summary>Key and value [head_dim] of a position.</summary>
    public void Write(int layer, int block, int offset, int head, float* key, float* value)
    {
        float* keys = Keys(layer, block, head), values = keys + (Positions * _dim) + (offset * PaddedDim);
        for (var d = 0; d < _dim; d++)
        {
            keys[(d * Positions) + offset] = key[d];
        }
        new ReadOnlySpan<float>(value, _dim).CopyTo(new Span<float>(values, _dim));
        new Span<float>(values + _dim, PaddedDim - _dim).Clear();
    }

    public void Dispose() => _memory.Dispose();
}
