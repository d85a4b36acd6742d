namespace LoraAspire.Model.Network.Families;

/// <summary>Qwen 2 and 2.5: biases on q, k and v; windows where they are switched on.</summary>
internal static class Qwen2
{
    public static Family Family { get; } = new("qwen2")
    {
        Complete =
            (fields, model) => model with { QkvBias = true, SlidingWindow = SlidingWindows.ReadWhereOn(fields, model.NumHiddenLayers) },
    };
}
