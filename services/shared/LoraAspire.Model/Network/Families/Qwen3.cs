namespace LoraAspire.Model.Network.Families;

/// <summary>Qwen 3: norms on the heads of q and k; windows where they are switched on.</summary>
internal static class Qwen3
{
    public static Family Family { get; } = new("qwen3")
    {
        Complete =
            (fields, model) => model with { QkNorm = true, SlidingWindow = SlidingWindows.ReadWhereOn(fields, model.NumHiddenLayers) },
    };
}
