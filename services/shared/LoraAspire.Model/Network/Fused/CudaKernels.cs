using System.Runtime.InteropServices;
using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>Each part as one kernel of kernels.cu, in bfloat16; attention is libtorch's flash attention on packed rows.</summary>
internal sealed unsafe class CudaKernels : Kernels
{
    private const string Source = "kernels.cu";
    private const int MaxTiles = 4;
    private const int ExpandTokens = 32;
    private const int AccumulateTokens = 128;
    private const int ColumnThreads = 128;
    private const int MaxBlocks = 132 * 16;

    private static readonly Lazy<CudaProgram> s_program = new(() => new CudaProgram(CudaProgram.Source(Source), Source));

    private readonly CudaProgram _program = s_program.Value;

    [StructLayout(LayoutKind.Sequential)]
    private struct Tiles
    {
        public fixed uint Drop[3 * MaxTiles];
        public fixed float Scale[MaxTiles];
        public nint Numbers;
    }

    /// <summary>Why these kernels can't run a model on this GPU; null when they can.</summary>
    public static string? Unsupported(LlamaModel model) => Unsupported(model.Config, model.Dtype, CudaDevice.Capability());

    /// <param name="capability">See <see cref="CudaDevice.Capability"/>.</param>
    internal static string? Unsupported(ModelConfig config, ScalarType dtype, int capability) =>
        capability < CudaDevice.Bfloat16
            ? $"this GPU has compute capability {capability / 10}.{capability % 10}, and the faster way needs 8.0"
            : dtype != bfloat16 ? "on a GPU it computes in bfloat16 only"
            : config.HiddenSize % 32 != 0 || config.IntermediateSize % 32 != 0 || config.VocabSize % 8 != 0
            ? "its widths are no multiples of 32"
            : config.HeadDim % 16 != 0 || config.HeadDim > 256 || config.NumAttentionHeads * config.HeadDim % 32 != 0
                || config.NumKeyValueHeads * config.HeadDim % 32 != 0 ? "flash attention has no such heads"
            : null;

    public override bool Padded => false;

    public override (Tensor Sum, Tensor Normed, Tensor InverseRms) Norm(Tensor x, Tensor? added, Tensor weight, double epsilon)
    {
        long rows = x.size(0), width = x.size(1);
        Tensor normed = empty_like(x), inverse = empty([rows, 1], float32, x.device), sum = added is null ? x : empty_like(x);
        _program.Launch("rmsNorm", (rows, 1), RowThreads(width),
            [At(x), At(added), At(weight), At(sum), At(normed), At(inverse), (ulong)width, Bits(epsilon)]);
        return (sum, normed, inverse);
    }

    public override Tensor NormBackward(Tensor gradient, Tensor x, Tensor inverseRms, Tensor weight, Tensor? residual)
    {
        var result = empty_like(x);
        _program.Launch("rmsNormBackward", (x.size(0), 1), RowThreads(x.size(1)),
            [At(gradient), At(x), At(inverseRms), At(weight), At(residual), At(result), (ulong)x.size(1)]);
        return result;
    }

    public override Tensor SwiGlu(Tensor gateUp)
    {
        long rows = gateUp.size(0), half = gateUp.size(1) / 2;
        var result = empty([rows, half], gateUp.dtype, gateUp.device);
        _program.Launch("swiglu", (Blocks(rows * half / 8), 1), 256, [At(gateUp), At(result), (ulong)half, (ulong)(rows * half / 8)]);
        return result;
    }

    public override void SwiGluBackward(Tensor gradient, Tensor gateUp)
    {
        long rows = gateUp.size(0), half = gateUp.size(1) / 2;
        _program.Launch("swigluBackward", (Blocks(rows * half / 8), 1), 256,
            [At(gradient), At(gateUp), (ulong)half, (ulong)(rows * half / 8)]);
    }

    public override void Rope(Tensor qkv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin) =>
        _program.Launch("rope", (qkv.size(0), 1), 256,
            [At(qkv), (ulong)qkv.size(1), (ulong)(heads.Query + heads.KeyValue), (ulong)heads.Dim, At(positions), At(cos), At(sin)]);

    public override Tensor RopeBackward(Tensor dq, Tensor dk, Tensor dv, HeadLayout heads, Tensor positions, Tensor cos, Tensor sin)
    {
        var result = empty([dq.size(0), heads.QueryWidth + (2 * heads.KeyValueWidth)], dq.dtype, dq.device);
        _program.Launch("ropeBackward", (dq.size(0), 1), 256,
            [At(dq), At(dk), At(dv), At(result), (ulong)heads.Query, (ulong)heads.KeyValue, (ulong)heads.Dim, At(positions), At(cos),
                At(sin)]);
        return result;
    }

    public override AttentionResult Attention(Tensor qkv, HeadLayout heads, PackedRows rows)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = Split(qkv, heads);
        var (left, right) = Window(heads);
        var result = Aten.Call("aten::_flash_attention_forward", 5, q, k, v, Aten.Argument.Some(rows.Starts),
            Aten.Argument.Some(rows.Starts), (long)rows.MaxLength, (long)rows.MaxLength,
            0.0, true, false, Aten.Argument.None, left, right, Aten.Argument.None, Aten.Argument.None);
        foreach (var kept in result[..4])
        {
            kept.MoveToOuterDisposeScope();
        }
        var output = result[0].view(qkv.size(0), heads.QueryWidth).MoveToOuterDisposeScope();
        result[0].Dispose();
        return new AttentionResult(output, result[1], result[2], result[3]);
    }

    public override (Tensor Dq, Tensor Dk, Tensor Dv) AttentionBackward(Tensor gradient, Tensor qkv, HeadLayout heads, PackedRows rows,
        AttentionResult forward)
    {
        using var scope = NewDisposeScope();
        var (q, k, v) = Split(qkv, heads);
        var (left, right) = Window(heads);
        Tensor Heads(Tensor x) => x.view(-1, heads.Query, heads.Dim);
        var result = Aten.Call("aten::_flash_attention_backward", 3, Heads(gradient), q, k, v, Heads(forward.Output), forward.LogSumExp,
            rows.Starts, rows.Starts,
            (long)rows.MaxLength, (long)rows.MaxLength, 0.0, true, forward.RngState!, forward.Unused!, Aten.Argument.None, left, right);
        return (result[0].MoveToOuterDisposeScope(), result[1].MoveToOuterDisposeScope(), result[2].MoveToOuterDisposeScope());
    }

    private static (Tensor Q, Tensor K, Tensor V) Split(Tensor qkv, HeadLayout heads)
    {
        Tensor Part(int start, int count) => qkv.narrow(1, start, count * heads.Dim).view(-1, count, heads.Dim);
        return (Part(0, heads.Query), Part(heads.QueryWidth, heads.KeyValue), Part(heads.QueryWidth + heads.KeyValueWidth, heads.KeyValue));
    }

    /// <summary>Flash attention counts the positions before the query, config.json's window the query too.</summary>
    private static (Aten.Argument Left, Aten.Argument Right) Window(HeadLayout heads) =>
        heads.Window is { } window ? (Aten.Argument.Some(window - 1), Aten.Argument.Some(0)) : (Aten.Argument.None, Aten.Argument.None);

    public override void Project(Tensor x, Tensor matrix, Tensor low, ReadOnlySpan<Tile> tiles)
    {
        long tokens = x.size(0), width = x.size(1);
        for (var first = 0; first < tiles.Length; first += MaxTiles)
        {
            var part = tiles.Slice(first, Math.Min(MaxTiles, tiles.Length - first));
            var packed = Pack(part);
            _program.Launch("project" + part.Length, ((tokens + 31) / 32, 1), 256,
                [At(x), (ulong)x.stride(0), (ulong)width, At(matrix, first * Tile.Width * width), At(low, first * Tile.Width),
                    (ulong)low.stride(0), (ulong)tokens], &packed);
        }
    }

    public override void Expand(Tensor y, Tensor low, Tensor matrix)
    {
        long tokens = y.size(0), width = y.size(1);
        for (long rank = 0; rank < matrix.size(0); rank += Tile.Width)
        {
            _program.Launch("expand", ((width + (8 * ColumnThreads) - 1) / (8 * ColumnThreads), (tokens + ExpandTokens - 1) / ExpandTokens),
                ColumnThreads,
                [At(y), (ulong)y.stride(0), (ulong)width, At(low, rank), (ulong)low.stride(0), At(matrix, rank * width), (ulong)tokens,
                    ExpandTokens]);
        }
    }

    public override void Accumulate(Tensor x, Tensor low, Tensor sums, ReadOnlySpan<Tile> tiles, Tensor? matrix = null,
        Tensor? gradient = null)
    {
        long tokens = x.size(0), width = x.size(1);
        for (var first = 0; first < tiles.Length; first += MaxTiles)
        {
            var part = tiles.Slice(first, Math.Min(MaxTiles, tiles.Length - first));
            var packed = Pack(part);
            var row = first * Tile.Width;
            _program.Launch((gradient is null ? "accumulate" : "accumulateGradient") + part.Length,
                ((width + ColumnThreads - 1) / ColumnThreads, (tokens + AccumulateTokens - 1) / AccumulateTokens), ColumnThreads,
                [At(x), (ulong)x.stride(0), (ulong)width, At(low, row), (ulong)low.stride(0),
                    At(sums) + (ulong)(row * width * sizeof(float)),
                 gradient is null ? 0 : At(matrix!, row * width), At(gradient), (ulong)tokens, AccumulateTokens], &packed);
        }
    }

    public override Tensor CrossEntropy(Tensor logits, Tensor targets, Tensor weights)
    {
        var losses = empty([logits.size(0)], float32, logits.device);
        _program.Launch("crossEntropy", (logits.size(0), 1), 512,
            [At(logits), At(targets), At(weights), At(losses), (ulong)logits.size(1)]);
        return losses;
    }

    private static Tiles Pack(ReadOnlySpan<Tile> tiles)
    {
        var packed = new Tiles();
        for (var i = 0; i < tiles.Length; i++)
        {
            packed.Drop[3 * i] = tiles[i].Dropout.Key1;
            packed.Drop[(3 * i) + 1] = tiles[i].Dropout.Key2;
            packed.Drop[(3 * i) + 2] = tiles[i].Dropout.Threshold;
            packed.Scale[i] = tiles[i].Scale;
            packed.Numbers = tiles[i].Dropout.Tokens is { } tokens ? Aten.Data(tokens.Numbers) : packed.Numbers;
        }
        return packed;
    }

    private static int RowThreads(long width) => (int)Math.Clamp((width / 8 + 31) / 32 * 32, 32, 256);

    private static long Blocks(long items) => Math.Min((items + 255) / 256, MaxBlocks);

    /// <param name="offset">In bfloat16 elements.</param>
    private static ulong At(Tensor? tensor, long offset = 0) =>
        tensor is null ? 0 : (ulong)Aten.Data(tensor) + (ulong)(offset * sizeof(ushort));

    private static ulong Bits(double value) => BitConverter.SingleToUInt32Bits((float)value);
}
