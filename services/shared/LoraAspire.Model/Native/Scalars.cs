using TorchSharp;
using static TorchSharp.torch;

namespace LoraAspire.Model.Native;

/// <summary>
/// Numbers into and out of libtorch. TorchSharp 0.107 hands native code the address of a scalar and lets the collector free it from then
/// on; a collection at that moment has native code read freed memory, seen once in some thousand training steps. Here a scalar outlives the
/// call.
/// </summary>
public static class Scalars
{
    private const int Recent = 32; // no expression holds more at a time

    [ThreadStatic]
    private static Scalar[]? s_recent;

    [ThreadStatic]
    private static int s_next;

    // RS0030: here alone may a number become a scalar; everywhere else the build refuses it (services/BannedSymbols.txt).
#pragma warning disable RS0030
    /// <summary>1, for sums: the forms without a factor make a scalar of their own, which the collector may free too early.</summary>
    public static Scalar One { get; } = 1.0;

    /// <summary>For differences, as sums with this factor: their own forms have none.</summary>
    public static Scalar MinusOne { get; } = -1.0;

    /// <summary>The number as a scalar that stays reachable while the expression it stands in runs.</summary>
    public static Scalar AsScalar(this double value) => Keep(value);

    /// <inheritdoc cref="AsScalar(double)"/>
    public static Scalar AsScalar(this long value) => Keep(value);
#pragma warning restore RS0030

    /// <summary>start, start + 1 … stop − 1.</summary>
    public static Tensor Counting(long start, long stop, ScalarType type, Device device) =>
        arange(start.AsScalar(), stop.AsScalar(), 1L.AsScalar(), type, device);

    /// <summary>To the device; of what is on the host nothing is left.</summary>
    public static Tensor Sent(this Tensor host, Device device)
    {
        using (host)
        {
            // A copy from other than pinned memory waits for all that the GPU was given before.
            using var pinned = device.type == DeviceType.CUDA ? host.pin_memory() : host.alias();
            return pinned.to(device, copy: true, non_blocking: true);
        }
    }

    private static Scalar Keep(Scalar value)
    {
        s_recent ??= new Scalar[Recent];
        s_next = (s_next + 1) % Recent;
        return s_recent[s_next] = value;
    }

    /// <summary>The only element of a float32 tensor; waits for its device.</summary>
    public static unsafe float ReadSingle(this Tensor tensor)
    {
        using var host = tensor.detach().to(float32, CPU, copy: true);
        return *(float*)Aten.Data(host);
    }
}
