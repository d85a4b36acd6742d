namespace LoraAspire.Model.Network.Families;

/// <summary>Llama 1 to 3: the decoder that the others are measured by.</summary>
internal static class Llama
{
    public static Family Family { get; } = new("llama");
}
