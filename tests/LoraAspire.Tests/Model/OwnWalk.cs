using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;

namespace LoraAspire.Tests.Model;

/// <summary>Passes of a device by itself, each with a walk of its own.</summary>
internal static class OwnWalk
{
    public static Tensor Loss(this FusedModel model, PackedRows rows)
    {
        using var walk = model.Walk(back: false);
        return model.Loss(rows, walk);
    }

    public static Tensor Backward(this FusedModel model, PackedRows rows, long seed)
    {
        using var walk = model.Walk(back: true);
        return model.Backward(rows, seed, walk);
    }
}
