using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Quantised;

/// <summary>Dequantises on the GPU, on the stream of libtorch's own work: the kernels of packed.cu.</summary>
internal static unsafe class PackedKernels
{
    private const string Source = "packed.cu";
    private const int Threads = 256, MostBlocks = 132 * 32;

    /// <summary>Weights of one thread's step: 16 bytes of bfloat16.</summary>
    private const int Step = 8;

    private static readonly Lazy<CudaProgram> s_program = new(() => new CudaProgram(CudaProgram.Source(Source), Source));

    private static readonly Lazy<Tensor> s_map = new(() => tensor(DynamicMap.Values).to(CUDA).DetachFromDisposeScope());

    public static void Nf4(Tensor into, ulong codes, Nf4Scales scales) => Launch("nf4", into, target =>
    [
        codes, (ulong)Aten.Data(scales.Absmax), scales.Nested is null ? 0 : (ulong)Aten.Data(scales.Nested),
        (ulong)Aten.Data(s_map.Value), BitConverter.SingleToUInt32Bits(scales.Offset), target, (ulong)into.numel(),
    ]);

    public static void Int8(Tensor into, ulong codes, ulong absmax, long columns) => Launch("int8", into, target =>
        [codes, absmax, (ulong)columns, target, (ulong)into.numel()]);

    private static void Launch(string kernel, Tensor into, Func<ulong, ulong[]> arguments)
    {
        if (into.dtype != bfloat16 && into.dtype != float32)
        {
            using var wide = empty(into.shape, float32, into.device);
            Launch(kernel, wide, arguments);
            into.copy_(wide);
            return;
        }
        var steps = (into.numel() + Step - 1) / Step;
        s_program.Value.Launch(kernel + (into.dtype == bfloat16 ? "ToBFloat16" : "ToFloat32"),
            (Math.Min((steps + Threads - 1) / Threads, MostBlocks), 1), Threads, arguments((ulong)Aten.Data(into)));
    }
}
