using LoraAspire.Model.Native;
using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// The output layer's weight [vocab, hidden] as operand of products: the model's own, or what is trained in its place (modules_to_save).
/// Where one is trained, its gradient is added up in float32.
/// </summary>
internal sealed class FusedHead(Kernels kernels, LlamaModel model) : IDisposable
{
    /// <summary>Of a trained weight, in the type that is computed in; null where that is what it is.</summary>
    private readonly Tensor? _copy = model.Head?.Trained is { } trained && trained.dtype != model.Dtype
        ? empty(trained.shape, model.Dtype, trained.device).DetachFromDisposeScope() : null;

    private Tensor? _logits; // on the CPU, where fresh memory of that size costs as much as a tenth of the product

    public Tensor Weight => _copy ?? model.Head?.Trained ?? model.HeadWeight;

    /// <summary>Takes the present values.</summary>
    public void BeginStep() => _copy?.copy_(model.Head!.Trained!);

    /// <summary>[rows, vocab]; on the CPU good until the next are asked for.</summary>
    /// <param name="most">Rows that may be asked for until this micro-batch is done.</param>
    public Tensor Forward(Tensor normed, long most)
    {
        if (normed.device_type != DeviceType.CPU)
        {
            return normed.mm(Weight.t());
        }
        if (_logits is null || _logits.size(0) < most)
        {
            _logits?.Dispose();
            _logits = null; // the next may not fit
            _logits = empty([most, Weight.size(0)], Weight.dtype, Weight.device).DetachFromDisposeScope();
        }
        return _logits.narrow(0, 0, normed.size(0)).addmm_(normed, Weight.t(), 0, 1);
    }

    /// <summary>Logits pass c·tanh(x / c) where the model has a cap, in place.</summary>
    /// <returns>1 − tanh², what their gradient is multiplied by; null where there is no cap, or none is wanted.</returns>
    public Tensor? Cap(Tensor logits, bool slopeWanted)
    {
        if (model.Config.LogitCap is not { } cap)
        {
            return null;
        }
        logits.div_(cap.AsScalar()).tanh_();
        var slope = slopeWanted ? logits.square().neg_().add_(Scalars.One, Scalars.One) : null;
        logits.mul_(cap.AsScalar());
        return slope;
    }

    /// <param name="normed">[N, hidden]</param>
    /// <param name="gradient">∂L/∂logits [N, vocab]</param>
    /// <returns>∂L/∂normed</returns>
    public Tensor Backward(Tensor normed, Tensor gradient)
    {
        if (model.HeadGradient is { } sums)
        {
            kernels.AddProduct(sums, gradient, normed);
        }
        return gradient.mm(Weight);
    }

    public void Dispose()
    {
        _copy?.Dispose();
        _logits?.Dispose();
    }
}
