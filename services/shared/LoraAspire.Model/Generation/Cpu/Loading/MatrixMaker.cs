using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Cpu.Loading;

/// <summary>Weights as a pass computes with them: where they lie already, if that will do, else converted, one tensor at a time.</summary>
internal sealed unsafe class MatrixMaker(Kernels kernels, CpuWeights form)
{
    /// <param name="raw">[outputs, inputs]; taken over.</param>
    public Matrix Make(RawWeights raw, int outputs, int inputs)
    {
        if (raw.Packed is { } packed)
        {
            return kernels.Dequantizing(packed, raw.Owner);
        }
        var type = form == CpuWeights.BFloat16 ? ScalarType.BFloat16 : ScalarType.Float32;
        if (form != CpuWeights.Q8_0 && raw.IsUsable(type, inputs))
        {
            return Number(raw.Address, outputs, inputs, raw.Owner);
        }
        using (raw)
        {
            return form == CpuWeights.Q8_0 ? Quantized(raw, outputs, inputs) : Converted(raw, outputs, inputs);
        }
    }

    /// <summary>float32 whatever the form; rows behind the last output are zeros.</summary>
    public Matrix Float32(ReadOnlySpan<float> weights, int outputs, int paddedOutputs, int inputs)
    {
        var width = NumberRows.Width(inputs);
        var copy = new NativeBuffer((long)paddedOutputs * width * sizeof(float));
        for (var row = 0; row < outputs; row++)
        {
            weights.Slice(row * inputs, inputs).CopyTo(new Span<float>((float*)copy.Address + ((long)row * width), inputs));
        }
        return kernels.Float32(copy.Address, paddedOutputs, inputs, copy);
    }

    /// <summary>A bias, or a norm's weight plus what is added to it.</summary>
    public static NativeBuffer Vector(RawWeights raw, int length, float plus = 0)
    {
        using (raw)
        {
            var copy = new NativeBuffer((long)Matrix.Padded(length) * sizeof(float));
            var span = new Span<float>((float*)copy.Address, length);
            raw.Read(0, span);
            foreach (ref var value in span)
            {
                value += plus;
            }
            return copy;
        }
    }

    private Matrix Number(nint address, int outputs, int inputs, IDisposable? owner) => form == CpuWeights.BFloat16
        ? kernels.BFloat16(address, outputs, inputs, owner)
        : kernels.Float32(address, outputs, inputs, owner);

    private Matrix Converted(RawWeights raw, int outputs, int inputs)
    {
        var width = NumberRows.Width(inputs);
        var (type, size) = form == CpuWeights.BFloat16 ? (ScalarType.BFloat16, sizeof(ushort)) : (ScalarType.Float32, sizeof(float));
        var copy = new NativeBuffer((long)outputs * width * size);
        Parallel.For(0, outputs, () => new float[inputs], (row, _, values) =>
        {
            raw.Read((long)row * inputs, values);
            TensorRows.Narrow(type, values, new Span<byte>((byte*)copy.Address + ((long)row * width * size), inputs * size));
            return values;
        }, _ => { });
        return Number(copy.Address, outputs, inputs, copy);
    }

    private static Matrix Quantized(RawWeights raw, int outputs, int inputs)
    {
        int k = Matrix.Padded(inputs), scales = Blocks.Scales(k);
        var bytes = ((long)outputs * k) + 63 & ~63L;
        var copy = new NativeBuffer(bytes + ((long)outputs * scales * sizeof(ushort)));
        Parallel.For(0, outputs, () => new float[inputs], (row, _, values) =>
        {
            raw.Read((long)row * inputs, values);
            fixed (float* from = values)
            {
                Quantization.Weights(from, inputs, (byte*)copy.Address + ((long)row * k),
                    (ushort*)(copy.Address + (nint)bytes) + ((long)row * scales));
            }
            return values;
        }, _ => { });
        return Kernels.Q8(copy.Address, copy.Address + (nint)bytes, outputs, inputs, copy);
    }
}
