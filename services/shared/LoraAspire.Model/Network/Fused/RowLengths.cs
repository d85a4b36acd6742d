using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// DoRA's lengths at one linear layer of a stack: with d dropout, g = magnitude / ‖W + s·B·A‖ for each output, which is a constant to A and
/// B, and u = d(x)·Wᵀ + s·d(x)·Aᵀ·Bᵀ, the layer gives x·Wᵀ + b − d(x)·Wᵀ + g ⊙ u. Where nothing is dropped that is g ⊙ u + b, and takes no
/// second product with W.
/// </summary>
/// <param name="module">Number of the linear layer in the model.</param>
internal sealed class RowLengths(Kernels kernels, Linear linear, int module, LowRankUpdate update, UpMatrix up) : IDisposable
{
    private readonly Tensor _sums = zeros([linear.OutFeatures], float32, linear.Device).DetachFromDisposeScope(); // of the step
    private Tensor? _squares; // ‖W‖² of each output, for the run
    private (Tensor Norms, Tensor Factors)? _step;

    private Tensor Norms => (_step ??= Measured()).Norms;

    private Tensor Factors => (_step ??= Measured()).Factors;

    public bool Drops(TokenDraw? seed) => DropoutOf(seed).Threshold != 0;

    private Dropout DropoutOf(TokenDraw? seed) => seed is null ? Dropout.None : Dropout.Of(seed, module, update.Dropout);

    public void BeginStep()
    {
        _sums.zero_();
        Forget();
    }

    public void EndStep()
    {
        if (_step is not null)
        {
            update.Magnitude!.grad!.add_(_sums.div(Norms), Scalars.One);
        }
    }

    /// <summary>Makes the layer's columns of y, where x·Wᵀ stands (and b, where something is dropped), its output.</summary>
    /// <returns>u, for the backward</returns>
    public Tensor Apply(Tensor y, Tensor x, Tensor low, TokenDraw? seed)
    {
        using var scope = NewDisposeScope();
        var (columns, own, dropout) = (up.Of(y), up.LowOf(low), DropoutOf(seed));
        Tensor result;
        if (dropout.Threshold == 0)
        {
            kernels.Expand(columns, own, up.Matrix);
            result = columns.clone();
            columns.mul_(Factors);
        }
        else
        {
            result = kernels.Dropped(x, dropout).mm(linear.Weight.t()).mul_(((double)dropout.InverseKeep).AsScalar());
            columns.add_(result, Scalars.MinusOne);
            kernels.Expand(result, own, up.Matrix);
            columns.add_(result.mul(Factors), Scalars.One);
        }
        return result.MoveToOuterDisposeScope();
    }

    /// <summary>Reads ∂L/∂y for the lengths' gradient, and multiplies its columns of this layer by g.</summary>
    /// <param name="multiplied">What <see cref="Apply"/> returned.</param>
    public void Read(Tensor gradient, Tensor multiplied)
    {
        using var scope = NewDisposeScope();
        var columns = up.Of(gradient);
        RowSums.Add(_sums, columns, multiplied);
        columns.mul_(Factors);
    }

    /// <summary>Adds what comes of d(x)·Wᵀ, where something is dropped.</summary>
    /// <param name="gradient">∂L/∂y, not multiplied.</param>
    public void AddInputGradient(Tensor inputGradient, Tensor gradient, TokenDraw? seed)
    {
        var dropout = DropoutOf(seed);
        if (dropout.Threshold == 0)
        {
            return;
        }
        using var scope = NewDisposeScope();
        var through = up.Of(gradient).mul(Factors.add(Scalars.MinusOne, Scalars.One)).to_type(gradient.dtype).mm(linear.Weight);
        inputGradient.add_(kernels.Dropped(through, dropout), ((double)dropout.InverseKeep).AsScalar());
    }

    /// <summary>‖W‖² + 2s·⟨W, B·A⟩ + s²·‖B·A‖² of each output, without ever making B·A; once a step.</summary>
    private (Tensor Norms, Tensor Factors) Measured()
    {
        using var scope = NewDisposeScope();
        var (a, b, weight) = (update.A, update.B, linear.Weight);
        _squares ??= weight.to_type(float32).square().sum(1).DetachFromDisposeScope();
        var projected = zeros_like(b);
        kernels.AddProduct(projected, weight.t(), a.to_type(weight.dtype).t());
        var cross = projected.mul_((2 * update.Scale).AsScalar()).add_(b.mm(a.mm(a.t())), (update.Scale * update.Scale).AsScalar());
        var norms = cross.mul_(b).sum(1).add_(_squares, Scalars.One).sqrt_().DetachFromDisposeScope();
        return (norms, update.Magnitude!.div(norms).DetachFromDisposeScope());
    }

    private void Forget()
    {
        _step?.Norms.Dispose();
        _step?.Factors.Dispose();
        _step = null;
    }

    public void Dispose()
    {
        Forget();
        _sums.Dispose();
        _squares?.Dispose();
    }
}
