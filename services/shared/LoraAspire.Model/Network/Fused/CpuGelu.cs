using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.InteropServices;

namespace LoraAspire.Model.Network.Fused;

/// <summary>GELU in its tanh form, a row at a time: with t = tanh(k·(x + c·x³)) ½x·(1 + t).</summary>
internal static class CpuGelu
{
    private const float Scale = (float)Activations.GeluScale, Cubic = (float)Activations.GeluCubic;

    public static void Forward(ReadOnlySpan<float> x, Span<float> target)
    {
        Tanh(x, target);
        TensorPrimitives.Add(target, 1, target);
        TensorPrimitives.Multiply<float>(target, x, target);
        TensorPrimitives.Multiply(target, 0.5f, target);
    }

    /// <summary>Writes ∂L/∂gate and ∂L/∂up over gate and up; the slope is ½(1 + t) + ½x·(1 − t²)·k·(1 + 3c·x²).</summary>
    /// <param name="room">As long as each of them.</param>
    public static void Backward(ReadOnlySpan<float> gradient, Span<float> gate, Span<float> up, Span<float> room)
    {
        Tanh(gate, room);
        ReadOnlySpan<Vector<float>> gradients = MemoryMarshal.Cast<float, Vector<float>>(gradient), tanhs = CpuKernels.Vectors(room);
        Span<Vector<float>> gates = CpuKernels.Vectors(gate), ups = CpuKernels.Vectors(up);
        var i = 0;
        for (; i < gates.Length; i++)
        {
            Vector<float> x = gates[i], t = tanhs[i], half = (t + Vector<float>.One) * 0.5f, d = gradients[i];
            var inner = x * (Vector<float>.One + (x * x * (3 * Cubic))) * (Scale / 2);
            gates[i] = d * ups[i] * (half + (inner * (Vector<float>.One - (t * t))));
            ups[i] = d * half * x;
        }
        for (i *= Vector<float>.Count; i < gate.Length; i++)
        {
            float x = gate[i], t = room[i], half = (t + 1) * 0.5f, d = gradient[i];
            gate[i] = d * up[i] * (half + (x * (1 - (t * t)) * (1 + (x * x * (3 * Cubic))) * (Scale / 2)));
            up[i] = d * half * x;
        }
    }

    private static void Tanh(ReadOnlySpan<float> x, Span<float> target)
    {
        TensorPrimitives.Multiply<float>(x, x, target);
        TensorPrimitives.Multiply(target, Cubic, target);
        TensorPrimitives.Add(target, 1, target);
        TensorPrimitives.Multiply<float>(target, x, target);
        TensorPrimitives.Multiply(target, Scale, target);
        TensorPrimitives.Tanh<float>(target, target);
    }
}
