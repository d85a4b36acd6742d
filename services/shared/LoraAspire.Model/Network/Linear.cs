using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model;

/// <summary>
/// A linear layer, y = x·Wᵀ + b, and, when an adapter is attached, plus scale · dropout(x)·Aᵀ·Bᵀ (LoRA, Hu et al. 2021, eq. 3).
/// W [out, in], A [rank, in], B [out, rank]. W and b stay as loaded; A and B are float32 and are cast to the type of x.
/// </summary>
public sealed class Linear(string name, Tensor weight, Tensor? bias) : IDisposable
{
    /// <summary>The layer's path in the model, e.g. model.layers.0.self_attn.q_proj.</summary>
    public string Name { get; } = name;
    public Tensor Weight { get; private set; } = weight;
    public Tensor? Bias { get; private set; } = bias;
    public long InFeatures => Weight.size(1);
    public long OutFeatures => Weight.size(0);
    /// <summary>The attached adapter, if there is one.</summary>
    public LoraPair? Lora { get; internal set; }

    /// <param name="x">[…, in]</param>
    /// <param name="training">Applies the adapter's dropout.</param>
    public Tensor Forward(Tensor x, bool training = false)
    {
        var y = F.linear(x, Weight, Bias);
        if (Lora is not { } lora)
        {
            return y;
        }
        var input = training && lora.Dropout > 0 ? F.dropout(x, lora.Dropout, training: true) : x;
        var low = F.linear(input, lora.A.to_type(x.dtype));
        return y.add(F.linear(low, lora.B.to_type(x.dtype)), lora.Scale);
    }

    /// <summary>Puts other tensors of the same shapes in place of the attached A and B, which are disposed.</summary>
    public void ReplaceLora(Tensor a, Tensor b)
    {
        var old = Lora ?? throw new InvalidOperationException($"{Name} has no adapter.");
        Lora = old with { A = a, B = b };
        old.Dispose();
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
        Lora?.Dispose();
    }
}

/// <summary>The low-rank pair of one layer: A [rank, in], B [out, rank], float32.</summary>
public sealed record LoraPair(Tensor A, Tensor B, double Scale, double Dropout) : IDisposable
{
    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
    }
}
