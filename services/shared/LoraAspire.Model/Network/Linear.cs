using LoraAspire.Model.Native;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network;

/// <summary>
/// A linear layer, y = x·Wᵀ + b, and, when an adapter is attached, plus scale · dropout(x)·Aᵀ·Bᵀ (LoRA, Hu et al. 2021, eq. 3).
/// W [out, in], A [rank, in], B [out, rank]. W and b stay as loaded; A and B are float32 and are cast to the type of x.
/// With DoRA the sum of both products is scaled by magnitude / ‖W + scale·B·A‖, the norm of each row (Liu et al. 2024, eq. 5).
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
    public LoraPair? Lora { get; set; }
    /// <summary>A whole weight [out, in] float32 that is trained in W's place (modules_to_save).</summary>
    public Tensor? Trained { get; internal set; }

    /// <param name="x">[…, in]</param>
    /// <param name="training">Applies the adapter's dropout.</param>
    public Tensor Forward(Tensor x, bool training = false)
    {
        var y = F.linear(x, Trained?.to_type(x.dtype) ?? Weight, Bias);
        if (Lora is not { } lora)
        {
            return y;
        }
        var input = training && lora.Dropout > 0 ? F.dropout(x, lora.Dropout, training: true) : x;
        var low = F.linear(input, lora.A.to_type(x.dtype));
        var change = F.linear(low, lora.B.to_type(x.dtype));
        if (lora.Magnitude is null)
        {
            return y.add(change, lora.Scale.Kept());
        }
        // As PEFT: dropout acts on what DoRA adds, of which the base's product is a part.
        var scale = lora.Magnitude.div(RowNorms(lora)).to_type(x.dtype);
        var product = ReferenceEquals(input, x) && Bias is null ? y : F.linear(input, Weight);
        return y.add(product.mul(scale.sub(Scalars.One)), Scalars.One).add(change.mul(scale), lora.Scale.Kept());
    }

    /// <summary>‖W + scale·B·A‖ of each row [out], a constant to the gradient (section 4.3 of the paper).</summary>
    internal Tensor RowNorms(LoraPair lora)
    {
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return Weight.to_type(float32).add(lora.B.mm(lora.A), lora.Scale.Kept()).norm(1).MoveToOuterDisposeScope();
    }

    /// <summary>Puts other tensors of the same shapes in place of the attached A and B, which are disposed.</summary>
    public void ReplaceLora(Tensor a, Tensor b, Tensor? magnitude = null)
    {
        var old = Lora ?? throw new InvalidOperationException($"{Name} has no adapter.");
        Lora = old with { A = a, B = b, Magnitude = magnitude };
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
        Trained?.Dispose();
    }
}

/// <summary>The low-rank pair of one layer: A [rank, in], B [out, rank], float32.</summary>
public sealed record LoraPair(Tensor A, Tensor B, double Scale, double Dropout) : IDisposable
{
    /// <summary>DoRA's trained lengths of the weight's rows [out], float32; null is plain LoRA.</summary>
    public Tensor? Magnitude { get; init; }

    public void Dispose()
    {
        A.Dispose();
        B.Dispose();
        Magnitude?.Dispose();
    }
}
