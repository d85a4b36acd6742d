using LoraAspire.Model.Generation;

namespace LoraAspire.Chat.Models;

/// <summary>What a model is loaded from. Several adapters share one base in memory, and answer in the same steps.</summary>
/// <param name="Folder">Of the model, or of the adapter's base.</param>
/// <param name="Adapter">The adapter's folder; null is the model alone.</param>
public sealed record ModelSource(string Folder, string? Adapter = null, WeightFormat Weights = WeightFormat.Auto)
{
    public ModelSource Base => this with { Adapter = null };
}
