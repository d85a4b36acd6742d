using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Quantised;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// In e4m3. Tensor cores want both operands of an FP8 product row by row along what is summed over, so the codes lie there twice: [out, in]
/// for the forward, [in, out] for the backward. They are the same codes: the backward sums over the output rows, whose scales therefore go
/// to the gradient before it is rounded (<see cref="Form.Factors"/>).
/// </summary>
/// <param name="rows">[out, in]</param>
/// <param name="columns">[in, out], all scales 1</param>
/// <param name="factors">The rows' scales, [out] in the type that is computed in</param>
internal sealed class Fp8Stack(Kernels kernels, ScalarType dtype, Fp8Rows rows, Fp8Rows columns, Tensor factors, Tensor? bias)
    : StackedWeight
{
    public override Form Input { get; } = new(Wide: false, Eight: true);
    public override Form Gradient { get; } = new(Wide: false, Eight: true, factors);

    public static Fp8Stack Of(Kernels kernels, ScalarType dtype, IReadOnlyList<Linear> linears, Tensor? bias, PlacedStack? placed)
    {
        using var scope = NewDisposeScope();
        var rows = placed is null ? Stack(linears) : new Fp8Rows(placed.Rows, cat([.. linears.Select(linear => RowsOf(linear).Scales)]));
        var (height, width, device) = (rows.Codes.size(0), rows.Codes.size(1), rows.Codes.device);
        Fp8Rows columns = new(placed?.Columns ?? empty([width, height], Fp8.E4m3, device), ones([width, 1], float32, device));
        if (placed is null)
        {
            columns.Codes.copy_(rows.Codes.t());
        }
        var factors = rows.Scales.squeeze(1).to(dtype, copy: true).DetachFromDisposeScope();
        Fp8Rows kept = new(rows.Codes.alias(), rows.Scales.alias());
        kept.DetachFromDisposeScope();
        columns.DetachFromDisposeScope();
        return new(kernels, dtype, kept, columns, factors, bias);
    }

    private static Fp8Rows RowsOf(Linear linear) => ((Fp8Weight)linear.Quantised!).Rows;

    /// <summary>One below the other; the layers' own become views of it.</summary>
    private static Fp8Rows Stack(IReadOnlyList<Linear> linears)
    {
        if (linears.Count == 1)
        {
            return RowsOf(linears[0]);
        }
        var (height, device) = (linears.Sum(linear => linear.OutFeatures), linears[0].Device);
        Fp8Rows rows = new(empty([height, linears[0].InFeatures], Fp8.E4m3, device), empty([height, 1], float32, device));
        long row = 0;
        foreach (var linear in linears)
        {
            var own = RowsOf(linear);
            Fp8Rows part = new(rows.Codes.narrow(0, row, linear.OutFeatures), rows.Scales.narrow(0, row, linear.OutFeatures));
            part.Codes.copy_(own.Codes);
            part.Scales.copy_(own.Scales);
            part.DetachFromDisposeScope();
            linear.PointAt(new Fp8Weight(part));
            row += linear.OutFeatures;
        }
        return rows;
    }

    public override Tensor Forward(Operand x) => kernels.Product(x.Eight!, rows, bias, dtype);

    public override Tensor Backward(Operand gradient) => kernels.Product(gradient.Eight!, columns, null, dtype);

    public override void Dispose() => TensorGroup.DisposeAll([rows, columns, factors, bias]);
}
