using LoraAspire.Model.Network.Fused;

namespace LoraAspire.Model.Adapters;

/// <summary>Why an adapter fits no base or can't run beside it: in the same words wherever that is found out.</summary>
public static class AdapterRefusal
{
    private const string Head = "lm_head";

    /// <summary>For a base whose head has no weight of its own.</summary>
    public const string TiedHead = "lm_head shares its weight with the embedding (tie_word_embeddings): can't be merged. What changes the "
        + "head alone needs a base with a head of its own.";

    public static ModelException OtherBase(string but) => new($"The adapter was made for another base: {but}.");

    public static ModelException OtherShape(string weight, IEnumerable<long> ofBase, IEnumerable<long?> ofAdapter) =>
        OtherBase($"{weight} is [{string.Join(", ", ofBase)}] in this one, but the adapter is for [{string.Join(", ", ofAdapter)}]");

    /// <summary>A layer that isn't among those that an adapter may change where the base runs.</summary>
    public static ModelException NoLayer(string layer, bool isTied) =>
        layer != Head ? OtherBase($"this one has no layer {layer}") : isTied ? new(TiedHead) : MustMerge("changes lm_head");

    /// <exception cref="ModelException">It changes the base by more than a product beside it.</exception>
    internal static void RequireBeside(Adapter adapter)
    {
        if (adapter.Saved.Count > 0)
        {
            throw MustMerge($"holds whole weights ({string.Join(", ", adapter.Saved.Keys)}; modules_to_save)");
        }
        if (adapter.Config.Start.ChangesBase)
        {
            throw MustMerge($"takes a part out of the base (init_lora_weights '{adapter.Config.Start.Name}')");
        }
    }

    /// <exception cref="ModelException">The kind is more than a low-rank product.</exception>
    internal static LowRankUpdate RequireLowRank(LayerAdapter layer) =>
        layer.Kind.Added(layer) ?? throw MustMerge($"is of the kind {layer.Kind.Name}");

    internal static ModelException MustMerge(string why) =>
        new($"The adapter {why}: it can't run beside its base. Merge it, and use the merged model.");
}
