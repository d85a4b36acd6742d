using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Adapters;

/// <summary>Several LoRA adapters of one base as one, whose ΔW is the weighted sum of theirs.</summary>
public static class CombinedAdapter
{
    /// <summary>A = [A₁; A₂; …], B = [w₁·s₁·B₁, w₂·s₂·B₂, …] at scale 1, so that B·A = Σ wᵢ·sᵢ·Bᵢ·Aᵢ.</summary>
    /// <exception cref="ModelException">One of them is more than a low-rank sum (DoRA, whole modules, a start that changes the
    /// base).</exception>
    public static Adapter Of(IReadOnlyList<(Adapter Adapter, double Weight)> parts)
    {
        foreach (var (adapter, _) in parts)
        {
            if (adapter.Config.Kind != Lora.Kind || adapter.Saved.Count > 0 || adapter.Config.Start.ChangesBase)
            {
                throw new ModelException("Several adapters, or one with a weight, can be added up only where each is plain LoRA; one of "
                    + (adapter.Saved.Count > 0 ? $"these brings whole modules ({string.Join(", ", adapter.Saved.Keys)})."
                        : adapter.Config.Start.ChangesBase ? "these changes its base when it is loaded (init_lora_weights)."
                        : $"these is {adapter.Config.Kind.Name}.") + " Merge it alone, and the others into the result.");
            }
        }
        using var scope = NewDisposeScope();
        var layers = parts.SelectMany(part => part.Adapter.Layers.Keys).Distinct().ToDictionary(layer => layer, layer =>
        {
            var own = parts.Where(part => part.Adapter.Layers.ContainsKey(layer))
                .Select(part => (Layer: part.Adapter.Layers[layer], part.Weight)).ToList();
            var first = own[0].Layer;
            foreach (var (other, _) in own)
            {
                other.RequireFits(layer, [first[Lora.B].size(0), first[Lora.A].size(1)]);
            }
            return new LayerAdapter(Lora.Kind,
            [
                cat([.. own.Select(part => part.Layer[Lora.A])], 0).DetachFromDisposeScope(),
                cat([.. own.Select(part => part.Layer[Lora.B].mul((part.Layer.Scale * part.Weight).AsScalar()))], 1)
                    .DetachFromDisposeScope(),
            ]);
        });
        return new Adapter(parts[0].Adapter.Config, layers);
    }
}
