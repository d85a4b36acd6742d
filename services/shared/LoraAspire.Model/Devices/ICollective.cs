using static TorchSharp.torch;

namespace LoraAspire.Model.Devices;

/// <summary>
/// What the devices of one training do together, each in a process of its own. Every device makes the same calls in the same order, and all
/// end with the same bits. Tensors are contiguous, on the caller's device.
/// </summary>
public interface ICollective : IDisposable
{
    Share Share { get; }

    /// <summary>Each value becomes the sum of everybody's.</summary>
    /// <param name="values">[n] float32</param>
    void Sum(Tensor values);

    /// <summary>The values become those of rank 0.</summary>
    /// <param name="values">[n] float32</param>
    void Broadcast(Tensor values);

    /// <summary>
    /// Begins to lay everybody's part into <paramref name="whole"/>, rank after rank, once what was given to the device before has been
    /// done. What is given to it afterwards goes on meanwhile.
    /// </summary>
    /// <param name="part">[n] of any type</param>
    /// <param name="whole">[count · n] of the same</param>
    void BeginGather(Tensor part, Tensor whole);

    /// <summary>What is given to the device from now on sees all that was gathered.</summary>
    void EndGather();

    /// <summary>
    /// From any thread: whoever waits for the others stops waiting, with an exception or with values that are worth nothing.
    /// </summary>
    void Abort();
}
