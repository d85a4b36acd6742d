using LoraAspire.Model.Network.Quantised;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// The frozen weights of linear layers that read the same input, one below the other [out, in], as operand of the products x·Wᵀ + b and
/// ∂L/∂y·W. The layers' own weights become views of it, so that nothing is held twice.
/// </summary>
internal abstract class StackedWeight : IDisposable
{
    /// <summary>What it reads of x and of ∂L/∂y.</summary>
    public abstract Form Input { get; }
    public abstract Form Gradient { get; }

    /// <summary>[T, out]</summary>
    public abstract Tensor Forward(Operand x);

    /// <summary>The same without b, where the weights are numbers.</summary>
    public virtual Tensor Product(Operand x) => throw new InvalidOperationException($"{GetType().Name} has no product without its bias.");

    /// <summary>[out]</summary>
    public virtual Tensor? Bias => null;

    /// <summary>The weights as numbers [out, in], where no bias is added to their product; else null.</summary>
    public virtual Tensor? Unbiased() => null;

    /// <summary>Whether <see cref="Add"/> is there.</summary>
    public virtual bool Adds => false;

    /// <summary>Adds the same to y [T, out].</summary>
    public virtual void Add(Operand x, Tensor y) => throw new InvalidOperationException($"{GetType().Name} adds to nothing.");

    /// <summary>[T, in]</summary>
    public abstract Tensor Backward(Operand gradient);

    /// <param name="dtype">What is computed in.</param>
    /// <param name="memory">Where weights in 4 or 8 bits become numbers.</param>
    /// <param name="placed">Where the weights lie one below the other already; null lays them so.</param>
    public static StackedWeight Of(Kernels kernels, ScalarType dtype, IReadOnlyList<Linear> linears, UnpackedWeights memory,
        PlacedStack? placed = null)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        var bias = linears[0].Bias is null ? null : cat([.. linears.Select(linear => linear.Bias!)]).DetachFromDisposeScope();
        return linears[0].Quantised switch
        {
            _ when linears.Any(linear => linear.Quantised is PackedWeight) => new PackedStack(dtype, linears, bias, memory),
            null when placed is not null => new PlainStack(placed.Rows.DetachFromDisposeScope(), bias),
            null => PlainStack.Of(linears, bias),
            Fp8Weight => Fp8Stack.Of(kernels, dtype, linears, bias, placed),
            var other => throw new InvalidOperationException($"{other.GetType().Name} has no fused path."),
        };
    }

    public abstract void Dispose();
}

/// <summary>In the type that is computed in.</summary>
internal sealed class PlainStack(Tensor weight, Tensor? bias) : StackedWeight
{
    private readonly Tensor _transposed = weight.t().DetachFromDisposeScope();

    public override Form Input => Form.Plain;
    public override Form Gradient => Form.Plain;

    public static PlainStack Of(IReadOnlyList<Linear> linears, Tensor? bias)
    {
        if (linears.Count == 1)
        {
            return new(linears[0].Weight.alias().DetachFromDisposeScope(), bias);
        }
        var weight = cat([.. linears.Select(linear => linear.Weight)]).DetachFromDisposeScope();
        long row = 0;
        foreach (var linear in linears)
        {
            linear.PointAt(weight.narrow(0, row, linear.OutFeatures).DetachFromDisposeScope());
            row += linear.OutFeatures;
        }
        return new(weight, bias);
    }

    public override Tensor Forward(Operand x) => bias is null ? Product(x) : addmm(bias, x.Wide!, _transposed, 1, 1);

    public override Tensor Product(Operand x) => x.Wide!.mm(_transposed);

    public override Tensor? Bias => bias;

    public override Tensor? Unbiased() => bias is null ? weight : null;

    public override bool Adds => bias is null;

    public override void Add(Operand x, Tensor y) => y.addmm_(x.Wide!, _transposed);

    public override Tensor Backward(Operand gradient) => gradient.Wide!.mm(weight);

    public override void Dispose() => Native.TensorGroup.DisposeAll([weight, _transposed, bias]);
}
