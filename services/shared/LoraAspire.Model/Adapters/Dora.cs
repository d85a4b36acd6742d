using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace LoraAspire.Model.Adapters;

/// <summary>
/// DoRA (Liu et al. 2024, eq. 5): each row of W + scale·B·A gets a trained length, magnitude / ‖W + scale·B·A‖ times the row.
/// </summary>
public sealed class Dora : Lora
{
    public static readonly AdapterParameter Magnitude =
        new("lora_magnitude_vector", Axis.Out) { OtherName = "lora_magnitude_vector.weight", IsFast = true };

    public static new Dora Kind { get; } = new();

    private Dora()
    {
    }

    public override string Name => "DoRA";
    public override IReadOnlyList<AdapterParameter> Parameters { get; } = [A, B, Magnitude];

    /// <summary>The lengths start as those of W.</summary>
    internal override Tensor[] Fresh(Linear linear, AdapterConfig config)
    {
        var pair = base.Fresh(linear, config);
        return [.. pair, RowNorms(linear, LayerAdapter.Of(config, linear.Name, pair))];
    }

    /// <summary>As PEFT: dropout acts on what DoRA adds, of which the base's product is a part.</summary>
    internal override Tensor Forward(Linear linear, LayerAdapter adapter, Tensor x, bool training)
    {
        var y = linear.Base(x);
        var input = Dropped(adapter, x, training);
        var change = Change(adapter, input);
        var scale = adapter[Magnitude].div(RowNorms(linear, adapter)).to_type(x.dtype);
        var product = ReferenceEquals(input, x) && linear.Bias is null ? y : F.linear(input, linear.Weight);
        return y.add(product.mul(scale.sub(Scalars.One)), Scalars.One).add(change.mul(scale), adapter.Scale.AsScalar());
    }

    internal override void Merge(LayerAdapter adapter, long first, Span<float> rows, int width)
    {
        base.Merge(adapter, first, rows, width);
        var magnitudes = adapter[Magnitude].Numbers();
        for (var row = 0; row < rows.Length / width; row++)
        {
            var weight = rows.Slice(row * width, width);
            TensorPrimitives.Multiply(weight, magnitudes[(int)first + row] / TensorPrimitives.Norm(weight), weight);
        }
    }

    internal override LowRankUpdate? Fused(LayerAdapter adapter) => base.Fused(adapter)! with { Magnitude = adapter[Magnitude] };

    /// <summary>‖W + scale·B·A‖ of each row [out], a constant to the gradient (section 4.3 of the paper).</summary>
    /// <exception cref="ModelException">The layer is quantised.</exception>
    private static Tensor RowNorms(Linear linear, LayerAdapter adapter)
    {
        if (linear.Quantised is not null)
        {
            throw new ModelException($"DoRA needs the base's weights as numbers, and {linear.Name} is quantised. Leave use_dora out, or "
                + "give an unquantised base with base_type: bf16.");
        }
        using var noGrad = no_grad();
        using var scope = NewDisposeScope();
        return linear.Weight.to_type(float32).add(adapter[B].mm(adapter[A]), adapter.Scale.AsScalar()).norm(1).MoveToOuterDisposeScope();
    }
}
