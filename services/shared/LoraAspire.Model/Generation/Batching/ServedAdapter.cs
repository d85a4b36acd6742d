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
        AdapterRefusal.RequireBeside(adapter);
        var linears = model.Linears.ToDictionary(linear => linear.Name);
        List<(string, LowRankUpdate)> updates = [];
        foreach (var (layer, own) in adapter.Layers)
        {
            if (!linears.TryGetValue(layer, out var linear))
            {
                throw AdapterRefusal.NoLayer(layer, model.Config.TieWordEmbeddings);
            }
            own.RequireFits(layer, [linear.OutFeatures, linear.InFeatures]);
            updates.Add((layer, AdapterRefusal.RequireLowRank(own)));
        }
        return updates;
    }
}
