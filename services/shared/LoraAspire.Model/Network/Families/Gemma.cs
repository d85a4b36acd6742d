namespace LoraAspire.Model.Network.Families;

/// <summary>Gemma 1: embeddings times √hidden_size, norms that multiply by 1 + weight, GELU in the gate, a tied head.</summary>
internal static class Gemma
{
    public static Family Family { get; } = new("gemma")
    {
        TiedByDefault = true,
        Activation = ActivationField.GeluTanh,
        Complete = (_, model) => Own(model),
    };

    /// <summary>What its successors kept.</summary>
    public static ModelConfig Own(ModelConfig model) => model with
    {
        NormPlusOne = true,
        EmbeddingScale = Math.Sqrt(model.HiddenSize),
    };
}
