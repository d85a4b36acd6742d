using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;

namespace LoraAspire.Model.Generation.Batching;

/// <summary>An adapter as a low-rank product beside each layer; what is more than that has to be merged.</summary>
internal static class ServedAdapter
{
    /// <exception cref="ModelException">It was made for another base, or is of a kind that has to be merged.</exception>
    public static IReadOnlyList<(string Layer, LowRankUpdate Update)> Updates(Adapter adapter, LlamaModel model)
    {
        if (adapter.Saved.Count > 0)
        {
            throw MustMerge($"trained {string.Join(", ", adapter.Saved.Keys)} whole (modules_to_save)");
        }
        if (adapter.Config.Start.ChangesBase)
        {
            throw MustMerge("takes its start out of the base (init_lora_weights)");
        }
        var linears = model.Linears.ToDictionary(linear => linear.Name);
        List<(string, LowRankUpdate)> updates = [];
        foreach (var (layer, own) in adapter.Layers)
        {
            if (!linears.TryGetValue(layer, out var linear))
            {
                throw layer == "lm_head" ? MustMerge("changes lm_head")
                    : new ModelException($"The adapter was made for another base: this one has no layer {layer}.");
            }
            own.RequireFits(layer, [linear.OutFeatures, linear.InFeatures]);
            updates.Add((layer, own.Kind.Fused(own) ?? throw MustMerge($"is {own.Kind.Name}")));
        }
        return updates;
    }

    private static ModelException MustMerge(string why) =>
        new($"The adapter {why}: it can't be served beside its base. Merge it, and serve the merged model.");
}
