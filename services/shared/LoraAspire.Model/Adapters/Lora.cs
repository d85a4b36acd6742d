using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;
using TensorPrimitives = System.Numerics.Tensors.TensorPrimitives;

namespace LoraAspire.Model.Adapters;

/// <summary>
/// LoRA (Hu et al. 2021, eq. 3): y = x·Wᵀ + b + scale · dropout(x)·Aᵀ·Bᵀ. A and B are cast to the type of x. rsLoRA is LoRA with another
/// scale.
/// </summary>
public class Lora : AdapterKind
{
    public static readonly AdapterParameter A = new("lora_A.weight", Axis.Rank, Axis.In);
    public static readonly AdapterParameter B = new("lora_B.weight", Axis.Out, Axis.Rank) { IsFast = true };

    private const int MergedColumns = 2048;

    public static Lora Kind { get; } = new();

    protected Lora()
    {
    }

    public override string Name => "LoRA";
    public override string PeftType => "LORA";
    public override IReadOnlyList<AdapterParameter> Parameters { get; } = [A, B];

    internal override AdapterConfig ReadConfig(ConfigFields fields) => LoraConfig.Read(fields);

    /// <summary>A kaiming-uniform(√5), which is uniform(−1/√in, 1/√in); B zero, so that ΔW = B·A starts at 0.</summary>
    internal override Tensor[] Fresh(Linear linear, AdapterConfig config)
    {
        var (rank, bound) = (config.RankOf(linear.Name), 1 / Math.Sqrt(linear.InFeatures));
        var a = rand([rank, linear.InFeatures], float32).mul_((2 * bound).AsScalar()).sub_(bound.AsScalar()).to(linear.Device);
        return [a, zeros([linear.OutFeatures, rank], float32, linear.Device)];
    }

    internal override Tensor Forward(Linear linear, LayerAdapter adapter, Tensor x, bool training) =>
        linear.Base(x).add(Change(adapter, Dropped(adapter, x, training)), adapter.Scale.AsScalar());

    /// <summary>A row of W gets scale · Σₖ B[row, k] · A[k]: summed in float32, and added once.</summary>
    internal override void Merge(LayerAdapter adapter, long first, Span<float> rows, int width)
    {
        ReadOnlySpan<float> a = adapter[A].Numbers(), b = adapter[B].Numbers();
        var (rank, scale) = ((int)adapter[A].size(0), (float)adapter.Scale);
        Span<float> sum = stackalloc float[MergedColumns];
        // So many columns at a time that those of A stay in the cache for all rows.
        for (var column = 0; column < width; column += MergedColumns)
        {
            var change = sum[..Math.Min(MergedColumns, width - column)];
            for (var row = 0; row < rows.Length / width; row++)
            {
                var factors = b.Slice((int)(first + row) * rank, rank);
                TensorPrimitives.Multiply(a.Slice(column, change.Length), factors[0], change);
                for (var k = 1; k < rank; k++)
                {
                    TensorPrimitives.FusedMultiplyAdd(a.Slice((k * width) + column, change.Length), factors[k], change, change);
                }
                var weight = rows.Slice((row * width) + column, change.Length);
                TensorPrimitives.Multiply(change, scale, change);
                TensorPrimitives.Add(weight, change, weight);
            }
        }
    }

    internal override LowRankUpdate? Fused(LayerAdapter adapter) => new(adapter[A], adapter[B], adapter.Scale, adapter.Dropout);

    protected static Tensor Dropped(LayerAdapter adapter, Tensor x, bool training) =>
        training && adapter.Dropout > 0 ? F.dropout(x, adapter.Dropout, training: true) : x;

    /// <summary>x·Aᵀ·Bᵀ</summary>
    protected static Tensor Change(LayerAdapter adapter, Tensor x) =>
        F.linear(F.linear(x, adapter[A].to_type(x.dtype)), adapter[B].to_type(x.dtype));
}
