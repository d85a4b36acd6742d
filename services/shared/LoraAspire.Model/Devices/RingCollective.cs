using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Devices;

/// <summary>Tensors on the CPU, over the ring; done when the call returns.</summary>
public sealed unsafe class RingCollective(Ring ring) : ICollective
{
    public Share Share => ring.Share;

    public void Sum(Tensor values) => ring.Sum((float*)Aten.Data(values), values.numel());

    public void Broadcast(Tensor values) => ring.Broadcast((byte*)Aten.Data(values), values.numel() * sizeof(float));

    public void BeginGather(Tensor part, Tensor whole) =>
        ring.Gather((byte*)Aten.Data(part), (byte*)Aten.Data(whole), part.numel() * part.element_size());

    public void EndGather()
    {
    }

    public void Abort() => ring.Dispose();

    /// <summary>The ring is its maker's.</summary>
    public void Dispose()
    {
    }
}
