using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;

namespace LoraAspire.Model.Adapters;

/// <summary>
/// What sets one kind of adapter apart: its tensors, how they start, what they do to a layer's output and to its weight, its settings in
/// PEFT's file.
/// A new kind is one class, with a record of its settings, and a row in <see cref="All"/>; everything else asks it.
/// </summary>
public abstract class AdapterKind
{
    public static IReadOnlyList<AdapterKind> All => [Lora.Kind, Dora.Kind];

    /// <summary>For messages.</summary>
    public abstract string Name { get; }

    /// <summary>Its word in adapter_config.json's peft_type.</summary>
    public abstract string PeftType { get; }

    /// <summary>In the order in which <see cref="LayerAdapter.Tensors"/> has them.</summary>
    public abstract IReadOnlyList<AdapterParameter> Parameters { get; }

    /// <exception cref="ModelException">A setting that this code can't honour.</exception>
    internal abstract AdapterConfig ReadConfig(ConfigFields fields);

    /// <summary>Tensors of a layer that change nothing yet. Drawn on the CPU, so that every device starts alike.</summary>
    internal abstract Tensor[] Fresh(Linear linear, AdapterConfig config);

    /// <summary>The layer's output with the adapter; autograd makes the gradients of its tensors from it.</summary>
    /// <param name="x">[…, in]</param>
    internal abstract Tensor Forward(Linear linear, LayerAdapter adapter, Tensor x, bool training);

    /// <summary>Makes rows of the layer's weight what does the same as the layer with the adapter.</summary>
    /// <param name="first">The output that the first row belongs to.</param>
    /// <param name="rows">[n, width], of the base's weight.</param>
    /// <param name="width">The layer's inputs.</param>
    internal abstract void Merge(LayerAdapter adapter, long first, Span<float> rows, int width);

    /// <summary>
    /// What the fused path computes with, forward and backward; null where this kind has none, and training takes autograd.
    /// </summary>
    internal virtual LowRankUpdate? Fused(LayerAdapter adapter) => null;

    /// <summary>The same, where it only adds to the layer's output, so that it can be served beside its base; else null.</summary>
    internal LowRankUpdate? Added(LayerAdapter adapter) => Fused(adapter) is { Magnitude: null } update ? update : null;
}
