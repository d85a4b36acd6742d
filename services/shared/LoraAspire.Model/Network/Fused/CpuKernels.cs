using System.Buffers;
using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using LoraAspire.Model.Native;
using static TorchSharp.torch;
using Tensor = TorchSharp.torch.Tensor;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Float32 on the CPU: each part in one walk over the rows, which stay in the cache meanwhile, where plain operators walk memory once each.
/// Rows are shared out over the cores.
/// </summary>
internal sealed unsafe class CpuKernels : TorchKernels
{
    private static readonly int s_workers = get_num_threads();

    protected override (Tensor Sum, Tensor Normed, Tensor InverseRms) Norm(Tensor x, Tensor? added, NormFactors weight, double epsilon)
    {
        var (rows, width) = Shape(x);
        Tensor normed = empty_like(x), inverse = empty([rows, 1]), sum = added is null ? x : x.add(added, Scalars.One);
        float* from = At(sum), to = At(normed), inverses = At(inverse), w = At(weight.Weight);
        ForRows(rows, row =>
        {
            Span<float> source = Row(from, row, width), target = Row(to, row, width);
            var r = 1 / MathF.Sqrt((TensorPrimitives.SumOfSquares<float>(source) / width) + (float)epsilon);
            inverses[row] = r;
            TensorPrimitives.Multiply(source, r, target);
            Multiply(target, new ReadOnlySpan<float>(w, width), weight.PlusOne, target);
        });
        return (sum, normed, inverse);
    }

    protected override Tensor NormBackward(Tensor gradient, Tensor x, Tensor inverseRms, NormFactors weight, Tensor? residual)
    {
        var (rows, width) = Shape(x);
        var result = empty_like(x);
        float* g = At(gradient), from = At(x), inverses = At(inverseRms), w = At(weight.Weight), kept = residual is null ? null
            : At(residual), to = At(result);
        ForRows(rows, row =>
        {
            Span<float> source = Row(from, row, width), target = Row(to, row, width);
            Multiply(Row(g, row, width), new ReadOnlySpan<float>(w, width), weight.PlusOne, target);
            var r = inverses[row];
            var pull = TensorPrimitives.Dot<float>(target, source) / width * r * r * r;
            TensorPrimitives.Multiply(target, r, target);
            TensorPrimitives.MultiplyAdd(source, -pull, target, target);
            if (kept is not null)
            {
                TensorPrimitives.Add<float>(target, Row(kept, row, width), target);
            }
        });
        return result;
    }

    private static void Multiply(ReadOnlySpan<float> x, ReadOnlySpan<float> weight, bool plusOne, Span<float> target)
    {
        if (plusOne)
        {
            TensorPrimitives.MultiplyAdd(x, weight, x, target);
        }
        else
        {
            TensorPrimitives.Multiply(x, weight, target);
        }
    }

    protected override Tensor Glu(Tensor gateUp, GluActivation activation)
    {
        var (rows, width) = Shape(gateUp);
        var half = width / 2;
        var result = empty([rows, half]);
        float* from = At(gateUp), to = At(result);
        ForRows(rows, row =>
        {
            Span<float> source = Row(from, row, width), target = Row(to, row, half);
            if (activation == GluActivation.GeluTanh)
            {
                CpuGelu.Forward(source[..half], target);
            }
            else
            {
                TensorPrimitives.Sigmoid<float>(source[..half], target);
                TensorPrimitives.Multiply<float>(target, source[..half], target);
            }
            TensorPrimitives.Multiply<float>(target, source[half..], target);
        });
        return result;
    }

    protected override void GluBackward(Tensor gradient, Tensor gateUp, GluActivation activation)
    {
        var (rows, width) = Shape(gateUp);
        var half = width / 2;
        float* g = At(gradient), at = At(gateUp);
        ForRows(rows, row =>
        {
            Span<float> gate = Row(at, row, width)[..half], up = Row(at, row, width)[half..], given = Row(g, row, half);
            var rented = ArrayPool<float>.Shared.Rent(half);
            var sigmoid = rented.AsSpan(0, half);
            if (activation == GluActivation.GeluTanh)
            {
                CpuGelu.Backward(given, gate, up, sigmoid);
                ArrayPool<float>.Shared.Return(rented);
                return;
            }
            TensorPrimitives.Sigmoid<float>(gate, sigmoid);
            var (i, vectors) = (0, half / Vector<float>.Count);
            Span<Vector<float>> gates = Vectors(gate), ups = Vectors(up), sigmoids = Vectors(sigmoid), gradients = Vectors(given);
            // silu' = σ + silu − silu·σ
            for (; i < vectors; i++)
            {
                Vector<float> s = sigmoids[i], silu = gates[i] * s, d = gradients[i];
                gates[i] = d * ups[i] * (s + silu - (silu * s));
                ups[i] = d * silu;
            }
            for (i *= Vector<float>.Count; i < half; i++)
            {
                float s = sigmoid[i], silu = gate[i] * s, d = given[i];
                gate[i] = d * up[i] * (s + silu - (silu * s));
                up[i] = d * silu;
            }
            ArrayPool<float>.Shared.Return(rented);
        });
    }

    public override Tensor CrossEntropy(Tensor logits, Tensor targets, Tensor weights)
    {
        var (rows, width) = Shape(logits);
        var losses = empty([rows]);
        float* at = At(logits), loss = At(losses), weight = At(weights);
        var target = (long*)Aten.Data(targets);
        ForRows(rows, row =>
        {
            var line = Row(at, row, width);
            var top = TensorPrimitives.Max<float>(line);
            var wanted = line[(int)target[row]];
            TensorPrimitives.Subtract(line, top, line);
            TensorPrimitives.Exp<float>(line, line);
            var sum = TensorPrimitives.Sum<float>(line);
            loss[row] = top + MathF.Log(sum) - wanted;
            TensorPrimitives.Multiply(line, weight[row] / sum, line);
            line[(int)target[row]] -= weight[row];
        });
        return losses;
    }

    public override Tensor Dropped(Tensor x, Dropout dropout)
    {
        if (dropout.Threshold == 0)
        {
            return x;
        }
        using var source = x.contiguous();
        var (rows, width) = Shape(source);
        var result = empty([rows, width]);
        float* from = At(source), to = At(result);
        var numbers = dropout.Numbers(rows);
        ForRows(rows, row => dropout.Apply(Row(from, row, width), Row(to, row, width), numbers[row]));
        return result;
    }

    /// <summary>As many stretches of rows as cores.</summary>
    private static void ForRows(int rows, Action<int> work)
    {
        if (s_workers == 1 || rows < 2 * s_workers)
        {
            for (var row = 0; row < rows; row++)
            {
                work(row);
            }
            return;
        }
        Parallel.For(0, s_workers, worker =>
        {
            var end = (int)((long)rows * (worker + 1) / s_workers);
            for (var row = (int)((long)rows * worker / s_workers); row < end; row++)
            {
                work(row);
            }
        });
    }

    internal static Span<Vector<float>> Vectors(Span<float> values) => MemoryMarshal.Cast<float, Vector<float>>(values);

    private static (int Rows, int Width) Shape(Tensor x) => ((int)x.size(0), (int)x.size(1));

    private static float* At(Tensor tensor) => (float*)Aten.Data(tensor);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Span<float> Row(float* start, int row, int width) => new(start + ((long)row * width), width);
}
