using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>What <see cref="FusedModel"/> computes with; this model keeps owning it.</summary>
public sealed partial class LlamaModel
{
    /// <summary>Where the layers' matrices are shared with other devices: then only <see cref="FusedModel"/> computes with them.</summary>
    public LayerShards? Shards { get; }

    internal IReadOnlyList<DecoderLayer> Layers => _layers;

    internal RmsNorm LastNorm => _norm;

    internal Rope Rope => _rope;

    /// <summary>[vocab, hidden]</summary>
    internal Tensor HeadWeight => Head?.Weight ?? _embedding;
}
