namespace LoraAspire.Model.Network.Families;

/// <summary>
/// Mistral and Mistral Nemo: every layer has a window where config.json gives one; heads may be narrower than hidden_size / heads.
/// </summary>
internal static class Mistral
{
    public static Family Family { get; } = new("mistral")
    {
        Complete = (fields, model) => model with { SlidingWindow = SlidingWindows.Read(fields, model.NumHiddenLayers, _ => true) },
    };
}
