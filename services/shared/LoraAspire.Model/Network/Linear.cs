using LoraAspire.Model.Adapters;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network;

/// <summary>A linear layer, y = x·Wᵀ + b with W [out, in], changed by an adapter where one is attached.</summary>
public sealed class Linear(string name, Tensor weight, Tensor? bias) : IDisposable
{
    /// <summary>The layer's path in the model, e.g. model.layers.0.self_attn.q_proj.</summary>
    public string Name { get; } = name;
    public Tensor Weight { get; private set; } = weight;
    public Tensor? Bias { get; private set; } = bias;
    public long InFeatures => Weight.size(1);
    public long OutFeatures => Weight.size(0);
    /// <summary>The attached adapter, if there is one.</summary>
    public LayerAdapter? Adapter { get; private set; }
    /// <summary>A whole weight [out, in] float32 that is trained in W's place (modules_to_save).</summary>
    public Tensor? Trained { get; internal set; }

    /// <param name="x">[…, in]</param>
    /// <param name="training">Applies the adapter's dropout.</param>
    public Tensor Forward(Tensor x, bool training = false) => Adapter?.Kind.Forward(this, Adapter, x, training) ?? Base(x);

    /// <summary>The layer without its adapter.</summary>
    internal Tensor Base(Tensor x) => F.linear(x, Trained?.to_type(x.dtype) ?? Weight, Bias);

    /// <summary>Puts an adapter in place of the attached one, if there is one, which is disposed. It is disposed with the layer.</summary>
    public void Attach(LayerAdapter adapter)
    {
        Adapter?.Dispose();
        Adapter = adapter;
    }

    /// <summary>W lost what an adapter started with (PiSSA, OLoRA).</summary>
    public bool IsResidual { get; private set; }

    /// <summary>Puts W without an adapter's start in its place.</summary>
    internal void KeepResidual(Tensor weight)
    {
        PointAt(weight);
        IsResidual = true;
    }

    /// <summary>The same weight, lying elsewhere.</summary>
    internal void PointAt(Tensor weight)
    {
        Weight.Dispose();
        Weight = weight;
    }

    internal void ReplaceWeights(Func<string, Tensor, Tensor> replace)
    {
        Weight = replace(Name + ".weight", Weight);
        Bias = Bias is null ? null : replace(Name + ".bias", Bias);
    }

    public void Dispose()
    {
        Weight.Dispose();
        Bias?.Dispose();
        Adapter?.Dispose();
        Trained?.Dispose();
    }
}
