using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Network.Fused;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Adapters;

/// <summary>
/// LoRA (Hu et al. 2021, eq. 3): y = x·Wᵀ + b + scale · dropout(x)·Aᵀ·Bᵀ. A and B are cast to the type of x. rsLoRA is LoRA with another
/// scale.
/// </summary>
public class Lora : AdapterKind
{
    public static readonly AdapterParameter A = new("lora_A.weight", Axis.Rank, Axis.In);
    public static readonly AdapterParameter B = new("lora_B.weight", Axis.Out, Axis.Rank) { IsFast = true };

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

    internal override Tensor Merge(LayerAdapter adapter, Tensor weight)
    {
        var delta = adapter[B].to(weight.device).mm(adapter[A].to(weight.device)).mul_(adapter.Scale.AsScalar());
        return weight.add(delta, Scalars.One);
    }

    internal override LowRankUpdate? Fused(LayerAdapter adapter) => new(adapter[A], adapter[B], adapter.Scale, adapter.Dropout);

    protected static Tensor Dropped(LayerAdapter adapter, Tensor x, bool training) =>
        training && adapter.Dropout > 0 ? F.dropout(x, adapter.Dropout, training: true) : x;

    /// <summary>x·Aᵀ·Bᵀ</summary>
    protected static Tensor Change(LayerAdapter adapter, Tensor x) =>
        F.linear(F.linear(x, adapter[A].to_type(x.dtype)), adapter[B].to_type(x.dtype));
}
