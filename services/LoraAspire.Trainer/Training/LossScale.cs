using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Trainer.Training;

/// <summary>
/// What training in float16 multiplies the loss's gradient by, so that small numbers of the backward don't become 0 (Micikevicius et al.
/// 2018). Where one becomes too large instead, the step changes nothing and the scale is halved; after many steps that went well it is
/// doubled. All of it stays on the device: the host needn't wait for it.
/// </summary>
public sealed class LossScale : IDisposable
{
    /// <summary>As torch's GradScaler has them.</summary>
    public const double First = 65536;
    private const double Growth = 2, Backoff = 0.5;
    private const int GrowthInterval = 2000;

    /// <summary>Below it no scale helps: some gradient is beyond float16's range by itself.</summary>
    public const double Least = 1.0 / 1024;

    /// <summary>Twice that is no float32.</summary>
    private const double Most = 1.7014118346046923e38;

    private readonly int _growthInterval;

    public LossScale(torch.Device device, int growthInterval = GrowthInterval)
    {
        _growthInterval = growthInterval;
        State = tensor(new float[] { (float)First, 0, 0 }).to(device).DetachFromDisposeScope();
        Value = State.select(0, 0).DetachFromDisposeScope();
        GoodSteps = State.select(0, 1).DetachFromDisposeScope();
        LeftOut = State.select(0, 2).DetachFromDisposeScope();
    }

    /// <summary>[3] float32, all that a run needs to go on: the three below.</summary>
    public Tensor State { get; }

    /// <summary>[] float32: a power of two, so that gradients lose nothing by it.</summary>
    public Tensor Value { get; }

    /// <summary>[] float32: since it last changed.</summary>
    private Tensor GoodSteps { get; }

    /// <summary>[] float32: steps that changed nothing.</summary>
    public Tensor LeftOut { get; }

    /// <summary>After a step.</summary>
    /// <param name="overflow">[] float32: 1 where its gradient was no number, else 0.</param>
    public void Update(Tensor overflow)
    {
        using var scope = NewDisposeScope();
        using var noGrad = no_grad();
        LeftOut.add_(overflow, Scalars.One);
        var good = GoodSteps.add(Scalars.One, Scalars.One).mul_(overflow.neg().add_(Scalars.One, Scalars.One));
        var grows = good.ge(((double)_growthInterval).AsScalar());
        Value.mul_(overflow.mul((Backoff - 1).AsScalar()).add_(grows.to_type(float32), (Growth - 1).AsScalar())
            .add_(Scalars.One, Scalars.One)).clamp_(max: Most.AsScalar());
        GoodSteps.copy_(good.masked_fill_(grows, 0.0.AsScalar()));
    }

    public void Dispose() => TensorGroup.DisposeAll([Value, GoodSteps, LeftOut, State]);
}
