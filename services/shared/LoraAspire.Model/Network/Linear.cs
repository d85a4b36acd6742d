using LoraAspire.Model.Adapters;
using LoraAspire.Model.Network.Quantised;
using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network;

/// <summary>A linear layer, y = x·Wᵀ + b with W [out, in], changed by an adapter where one is attached.</summary>
public sealed class Linear : IDisposable
{
    private Tensor? _weight;

    public Linear(string name, Tensor weight, Tensor? bias) => (Name, _weight, Bias) = (name, weight, bias);

    internal Linear(string name, QuantisedWeight weight, Tensor? bias) => (Name, Quantised, Bias) = (name, weight, bias);

    /// <summary>The layer's path in the model, e.g. model.layers.0.self_attn.q_proj.</summary>
    public string Name { get; }
    /// <exception cref="InvalidOperationException">It is quantised: there is no such tensor.</exception>
    public Tensor Weight => _weight ?? throw new InvalidOperationException($"{Name} is quantised.");
    /// <summary>What stands in the weight's place; null where there is one.</summary>
    internal QuantisedWeight? Quantised { get; private set; }
    /// <summary>The weight's numbers, or their codes.</summary>
    internal Tensor Codes => Quantised?.Codes ?? Weight;
    public Tensor? Bias { get; private set; }
    public long InFeatures => Quantised?.InFeatures ?? Weight.size(1);
    public long OutFeatures => Quantised?.OutFeatures ?? Weight.size(0);
    public torch.Device Device => Quantised?.Device ?? Weight.device;
    /// <summary>The attached adapter, if there is one.</summary>
    public LayerAdapter? Adapter { get; private set; }
    /// <summary>A whole weight [out, in] float32 that is trained in W's place (modules_to_save).</summary>
    public Tensor? Trained { get; internal set; }
    /// <summary>∂L/∂W and ∂L/∂b of the step, float32, where the hand-written backward trains the layer itself.</summary>
    internal Tensor? Gradient { get; set; }
    internal Tensor? BiasGradient { get; set; }

    /// <param name="x">[…, in]</param>
    /// <param name="training">Applies the adapter's dropout.</param>
    public Tensor Forward(Tensor x, bool training = false) => Adapter?.Kind.Forward(this, Adapter, x, training) ?? Base(x);

    /// <summary>The layer without its adapter.</summary>
    internal Tensor Base(Tensor x)
    {
        if (Quantised is null || Trained is not null)
        {
            return F.linear(x, Trained?.to_type(x.dtype) ?? Weight, Bias);
        }
        using var weight = Quantised.Dequantise(x.dtype);
        return F.linear(x, weight, Bias);
    }

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
        _weight?.Dispose();
        _weight = weight;
    }

    /// <inheritdoc cref="PointAt(Tensor)"/>
    internal void PointAt(QuantisedWeight weight)
    {
        Quantised?.Dispose();
        Quantised = weight;
    }

    /// <summary>The same numbers or codes, lying here.</summary>
    internal void MoveTo(Tensor codes)
    {
        if (Quantised is null)
        {
            PointAt(codes);
        }
        else
        {
            PointAt(Quantised.With(codes));
        }
    }

    internal void ReplaceWeights(Func<string, Tensor, Tensor> replace)
    {
        _weight = replace(Name + ".weight", Weight);
        Bias = Bias is null ? null : replace(Name + ".bias", Bias);
    }

    public void Dispose()
    {
        _weight?.Dispose();
        Quantised?.Dispose();
        Bias?.Dispose();
        Adapter?.Dispose();
        Trained?.Dispose();
    }
}
