namespace LoraAspire.Model.Network.Families;

/// <summary>
/// What sets one family of Llama-like decoders apart: what its config.json says in its own way, and which parts its network has. The
/// network asks the <see cref="ModelConfig"/> that comes of it, never a name. A new family is one file here and one row in
/// <see cref="All"/>.
/// </summary>
/// <param name="ModelType">Its word in config.json's model_type.</param>
internal sealed record Family(string ModelType)
{
    public static IReadOnlyList<Family> All { get; } =
        [Llama.Family, Mistral.Family, Qwen2.Family, Qwen3.Family, Gemma.Family, Gemma2.Family];

    /// <summary>Reads the MLP's activation.</summary>
    public Func<ConfigFields, string> Activation { get; init; } = ActivationField.Silu;

    /// <summary>Embedding and head share their weight where config.json doesn't say.</summary>
    public bool TiedByDefault { get; init; }

    /// <summary>Fields that this family computes with and others would pass over in silence, so that they refuse them.</summary>
    public IReadOnlyList<string> Reads { get; init; } = [];

    /// <summary>Adds what is this family's own to what all families have.</summary>
    public Func<ConfigFields, ModelConfig, ModelConfig> Complete { get; init; } = (_, model) => model;
}
