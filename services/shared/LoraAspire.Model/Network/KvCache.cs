using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>Keys and values of the positions seen so far, per layer [batch, kv_heads, max_length, head_dim], allocated once.</summary>
public sealed class KvCache : IDisposable
{
    private readonly Tensor[] _keys;
    private readonly Tensor[] _values;

    public KvCache(ModelConfig config, int batch, int maxLength, torch.Device device, ScalarType dtype)
    {
        MaxLength = Math.Min(maxLength, config.Context);
        long[] shape = [batch, config.NumKeyValueHeads, MaxLength, config.HeadDim];
        _keys = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => empty(shape, dtype, device).DetachFromDisposeScope())];
        _values = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => empty(shape, dtype, device).DetachFromDisposeScope())];
    }

    public int MaxLength { get; }

    /// <summary>Positions filled in every layer.</summary>
    public int Length { get; private set; }

    /// <summary>Forgets all positions from <paramref name="length"/> on.</summary>
    public void Truncate(int length) => Length = Math.Clamp(length, 0, Length);

    /// <summary>Writes k and v [batch, kv_heads, new, head_dim] behind what is there; gives views of everything up to them.</summary>
    internal (Tensor Keys, Tensor Values) Append(int layer, Tensor k, Tensor v)
    {
        var added = k.size(2);
        _keys[layer].narrow(2, Length, added).copy_(k);
        _values[layer].narrow(2, Length, added).copy_(v);
        return (_keys[layer].narrow(2, 0, Length + added), _values[layer].narrow(2, 0, Length + added));
    }

    internal void Advance(int added) => Length += added;

    public void Dispose() => TensorGroup.DisposeAll(_keys.Concat(_values));
}
