using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>A weight that no scale fits.</summary>
internal static class UnfitScales
{
    /// <param name="absmax">Scales: where one of their weights is no number, neither are they.</param>
    public static void RequireFinite(Tensor absmax, string name)
    {
        using var scope = NewDisposeScope();
        if (!absmax.isfinite().all().item<bool>())
        {
            throw new ModelException($"{name} holds values that are no numbers, which can't be quantised. The base's file is damaged, or "
                + "its training failed: fetch it again.");
        }
    }
}
