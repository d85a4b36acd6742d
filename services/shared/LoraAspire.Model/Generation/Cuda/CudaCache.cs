using LoraAspire.Model.Generation.Batching;
using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Cuda;

/// <summary>Keys and values in blocks: of each layer [blocks][kv_heads][16 positions][head_dim] bfloat16.</summary>
internal sealed class CudaCache : IDisposable
{
    private readonly Tensor _keys, _values;
    private readonly long _layerBytes;

    /// <exception cref="ModelException">The device has no room for them.</exception>
    public CudaCache(ModelConfig config, int blocks)
    {
        Blocks = blocks;
        var layer = blocks * BlockBytes(config) / (2 * sizeof(ushort) * config.NumHiddenLayers);
        _layerBytes = layer * sizeof(ushort);
        _keys = empty([config.NumHiddenLayers, layer], bfloat16, CUDA).DetachFromDisposeScope();
        _values = empty([config.NumHiddenLayers, layer], bfloat16, CUDA).DetachFromDisposeScope();
    }

    public int Blocks { get; }

    /// <summary>Of one block, in all layers.</summary>
    public static long BlockBytes(ModelConfig config) => 2L * sizeof(ushort) * config.NumHiddenLayers * config.NumKeyValueHeads
        * config.HeadDim * StepExecutor.BlockSize;

    public nint Keys(int layer) => Aten.Data(_keys) + (nint)(layer * _layerBytes);

    public nint Values(int layer) => Aten.Data(_values) + (nint)(layer * _layerBytes);

    public void Dispose()
    {
        _keys.Dispose();
        _values.Dispose();
    }
}
