using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>Keys and values of every slot of every block, a pair of tensors [slots, kv_heads, head_dim] a layer.</summary>
internal sealed class TorchCache : IDisposable
{
    private readonly Tensor[] _keys, _values;

    public TorchCache(LlamaModel model, int blocks)
    {
        Blocks = blocks;
        long[] shape = [(long)blocks * StepExecutor.BlockSize, model.Config.NumKeyValueHeads, model.Config.HeadDim];
        Tensor[] Layers() => [.. model.Layers.Select(_ => empty(shape, model.Dtype, model.Device).DetachFromDisposeScope())];
        (_keys, _values) = (Layers(), Layers());
    }

    public int Blocks { get; }

    /// <param name="slots">[tokens] int64</param>
    /// <param name="k">[1, kv_heads, tokens, head_dim], as <paramref name="v"/>.</param>
    public void Write(int layer, Tensor slots, Tensor k, Tensor v)
    {
        _keys[layer].index_copy_(0, slots, k.squeeze(0).transpose(0, 1));
        _values[layer].index_copy_(0, slots, v.squeeze(0).transpose(0, 1));
    }

    /// <summary>[1, kv_heads, slots, head_dim]</summary>
    public Tensor Keys(int layer, Tensor slots) => Read(_keys[layer], slots);

    /// <inheritdoc cref="Keys"/>
    public Tensor Values(int layer, Tensor slots) => Read(_values[layer], slots);

    private static Tensor Read(Tensor of, Tensor slots) => of.index_select(0, slots).transpose(0, 1).unsqueeze(0);

    public void Dispose() => TensorGroup.DisposeAll([.. _keys, .. _values]);
}
