using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Generation.Cpu.Vectors;
using LoraAspire.Model.Network.Quantised;

namespace LoraAspire.Model.Generation.Cpu;

/// <summary>What a pass is made of, for one width of vectors.</summary>
internal abstract unsafe class Kernels
{
    public static int WidestVector => Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    public static Kernels Of(int bits) => bits switch
    {
        512 => new Kernels<Lanes512, Vector512<float>>(),
        256 => new Kernels<Lanes256, Vector256<float>>(),
        _ => new Kernels<Lanes128, Vector128<float>>(),
    };

    public abstract Matrix Float32(nint weights, int outputs, int inputs, IDisposable? owner);

    public abstract Matrix BFloat16(nint weights, int outputs, int inputs, IDisposable? owner);

    /// <param name="owner">What goes with the matrix; null where somebody else keeps the weights.</param>
    public abstract Matrix Dequantizing(PackedWeight weights, IDisposable? owner);

    public static Matrix Q8(nint weights, nint scales, int outputs, int inputs, IDisposable owner) =>
        AvxVnni.IsSupported ? new QuantizedMatrix<VnniProduct>(weights, scales, outputs, inputs, owner)
        : Avx2.IsSupported ? new QuantizedMatrix<Avx2Product>(weights, scales, outputs, inputs, owner)
        : new QuantizedMatrix<PlainProduct>(weights, scales, outputs, inputs, owner);

    /// <summary>x / sqrt(mean(x²) + epsilon) · weight; <paramref name="to"/> may be x.</summary>
    public abstract void Norm(float* x, float* weight, float* to, int width, float epsilon);

    /// <summary>x + y, in x.</summary>
    public abstract void Add(float* x, float* y, int width);

    /// <summary>x · factor, in x.</summary>
    public abstract void Scale(float* x, float factor, int width);

    /// <summary>Turns a head [2 · half] by its position: "rotate half".</summary>
    public abstract void Rotate(float* head, float* cos, float* sin, int half);

    /// <summary>gate = silu(gate) · up, or with the tanh form of GELU.</summary>
    public abstract void Gate(float* gate, float* up, int width, bool gelu);

    /// <summary>x = cap · tanh(x / cap)</summary>
    public abstract void Cap(float* x, float cap, int width);

    public abstract void Attend(in Query query);
}

/// <inheritdoc cref="Kernels"/>
internal sealed unsafe partial class Kernels<TLanes, TVector> : Kernels where TLanes : ILanes<TVector> where TVector : struct
{
    private const MethodImplOptions Fast = MethodImplOptions.AggressiveOptimization;

    public override Matrix Float32(nint weights, int outputs, int inputs, IDisposable? owner) =>
        new NumberMatrix<TLanes, TVector, Float32Weights<TLanes, TVector>>(weights, outputs, inputs, owner);

    public override Matrix BFloat16(nint weights, int outputs, int inputs, IDisposable? owner) =>
        new NumberMatrix<TLanes, TVector, BFloat16Weights<TLanes, TVector>>(weights, outputs, inputs, owner);

    public override Matrix Dequantizing(PackedWeight weights, IDisposable? owner) =>
        new DequantizingMatrix<TLanes, TVector>(weights, owner);

    [MethodImpl(Fast)]
    public override void Norm(float* x, float* weight, float* to, int width, float epsilon)
    {
        TVector sum = default;
        var i = 0;
        for (; i + TLanes.Count <= width; i += TLanes.Count)
        {
            var value = TLanes.Load(x + i);
            sum = TLanes.MultiplyAdd(value, value, sum);
        }
        var squares = TLanes.Sums(sum, default, default, default).ToScalar();
        for (; i < width; i++)
        {
            squares += x[i] * x[i];
        }
        var scale = 1 / MathF.Sqrt((squares / width) + epsilon);
        var factor = TLanes.Of(scale);
        for (i = 0; i + TLanes.Count <= width; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Multiply(TLanes.Multiply(TLanes.Load(x + i), factor), TLanes.Load(weight + i)), to + i);
        }
        for (; i < width; i++)
        {
            to[i] = x[i] * scale * weight[i];
        }
    }

    [MethodImpl(Fast)]
    public override void Add(float* x, float* y, int width)
    {
        var i = 0;
        for (; i + TLanes.Count <= width; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Add(TLanes.Load(x + i), TLanes.Load(y + i)), x + i);
        }
        for (; i < width; i++)
        {
            x[i] += y[i];
        }
    }

    [MethodImpl(Fast)]
    public override void Scale(float* x, float factor, int width)
    {
        for (var i = 0; i < width; i++)
        {
            x[i] *= factor;
        }
    }

    [MethodImpl(Fast)]
    public override void Rotate(float* head, float* cos, float* sin, int half)
    {
        var i = 0;
        for (; i + TLanes.Count <= half; i += TLanes.Count)
        {
            TVector a = TLanes.Load(head + i), b = TLanes.Load(head + half + i), c = TLanes.Load(cos + i), s = TLanes.Load(sin + i);
            TLanes.Store(TLanes.Subtract(TLanes.Multiply(a, c), TLanes.Multiply(b, s)), head + i);
            TLanes.Store(TLanes.Add(TLanes.Multiply(b, c), TLanes.Multiply(a, s)), head + half + i);
        }
        for (; i < half; i++)
        {
            float a = head[i], b = head[half + i];
            head[i] = (a * cos[i]) - (b * sin[i]);
            head[half + i] = (b * cos[i]) + (a * sin[i]);
        }
    }

    [MethodImpl(Fast)]
    public override void Gate(float* gate, float* up, int width, bool gelu)
    {
        var i = 0;
        for (; i + TLanes.Count <= width; i += TLanes.Count)
        {
            TLanes.Store(Gated(TLanes.Load(gate + i), TLanes.Load(up + i), gelu), gate + i);
        }
        if (i < width)
        {
            // As a whole vector, so that a value doesn't depend on where it stands.
            float* a = stackalloc float[16], b = stackalloc float[16];
            Unsafe.CopyBlock(a, gate + i, (uint)(width - i) * sizeof(float));
            Unsafe.CopyBlock(b, up + i, (uint)(width - i) * sizeof(float));
            TLanes.Store(Gated(TLanes.Load(a), TLanes.Load(b), gelu), a);
            Unsafe.CopyBlock(gate + i, a, (uint)(width - i) * sizeof(float));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TVector Gated(TVector gate, TVector up, bool gelu)
    {
        var one = TLanes.Of(1);
        if (!gelu)
        {
            var e = Exponential<TLanes, TVector>.Exp(TLanes.Subtract(TLanes.Of(0), gate));
            return TLanes.Multiply(TLanes.Divide(gate, TLanes.Add(one, e)), up);
        }
        var cube = TLanes.Multiply(TLanes.Multiply(gate, gate), gate);
        var inner = TLanes.Multiply(TLanes.MultiplyAdd(cube, TLanes.Of(0.044715f), gate), TLanes.Of(0.7978845608f));
        var half = TLanes.Multiply(gate, TLanes.Of(0.5f));
        return TLanes.Multiply(TLanes.Multiply(half, TLanes.Add(one, Exponential<TLanes, TVector>.Tanh(inner))), up);
    }

    [MethodImpl(Fast)]
    public override void Cap(float* x, float cap, int width)
    {
        TVector limit = TLanes.Of(cap), inverse = TLanes.Of(1 / cap);
        var i = 0;
        for (; i + TLanes.Count <= width; i += TLanes.Count)
        {
            TLanes.Store(TLanes.Multiply(limit, Exponential<TLanes, TVector>.Tanh(TLanes.Multiply(TLanes.Load(x + i), inverse))), x + i);
        }
        if (i < width)
        {
            var rest = stackalloc float[16];
            Unsafe.CopyBlock(rest, x + i, (uint)(width - i) * sizeof(float));
            TLanes.Store(TLanes.Multiply(limit, Exponential<TLanes, TVector>.Tanh(TLanes.Multiply(TLanes.Load(rest), inverse))), rest);
            Unsafe.CopyBlock(x + i, rest, (uint)(width - i) * sizeof(float));
        }
    }
}
