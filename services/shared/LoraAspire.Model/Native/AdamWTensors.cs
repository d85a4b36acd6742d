using static TorchSharp.torch;

namespace LoraAspire.Model.Native;

/// <summary>What libtorch's AdamW steps over in one pass: as many gradients and moments as values, float32 of the same shapes.</summary>
public sealed record AdamWTensors(IReadOnlyList<Tensor> Values, IReadOnlyList<Tensor> Gradients, IReadOnlyList<Tensor> Means,
    IReadOnlyList<Tensor> Variances) : TensorGroup
{
    /// <param name="count">[] float32 on the values' device: this step's number, from 1.</param>
    /// <param name="divisor">[] float32 there: what the gradients are divided by, in place; null is 1.</param>
    /// <param name="leftOut">[] float32 there: where it is 1 nothing changes; null is 0.</param>
    public void Step(Tensor count, double learningRate, double beta1, double beta2, double epsilon, double weightDecay,
        Tensor? divisor = null, Tensor? leftOut = null) =>
        Aten.Change("aten::_fused_adamw_", Aten.Argument.List(Values), Aten.Argument.List(Gradients), Aten.Argument.List(Means),
            Aten.Argument.List(Variances), Aten.Argument.List([]), Aten.Argument.List([.. Values.Select(_ => count)]), learningRate, beta1,
            beta2, weightDecay, epsilon, false, false, Optional(divisor), Optional(leftOut));

    private static Aten.Argument Optional(Tensor? tensor) => tensor is null ? Aten.Argument.None : Aten.Argument.Some(tensor);

    protected override IEnumerable<IDisposable?> Parts => [.. Values, .. Gradients, .. Means, .. Variances];
}
