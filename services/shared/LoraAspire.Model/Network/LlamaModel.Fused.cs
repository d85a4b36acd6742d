using LoraAspire.Model.Network.Fused;

namespace LoraAspire.Model.Network;

public sealed partial class LlamaModel
{
    internal FusedParts FusedParts() => new(
        Config, Device, _layers, _norm, Head?.Weight ?? _embedding, _rope, ids => _embedding.index_select(0, ids), Unfusable());

    private string? Unfusable() => Linears.All(linear => linear.Lora is null) ? "it has no adapter" : BeyondPlainLora;
}
