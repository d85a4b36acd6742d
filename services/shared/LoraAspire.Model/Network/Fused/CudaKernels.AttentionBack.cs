using System.Runtime.InteropServices;
using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Attention's backward on Hopper by two kernels of our own (attention.cu): one for the queries' gradients and one for keys' and values'.
/// They multiply seven times where the usual five do, and move a third of the bytes: no float32 sums in memory, and what is turned is
/// turned back on the way out.
/// </summary>
internal sealed unsafe partial class CudaKernels
{
    private const int AttentionThreads = 384, AttentionStep = 64, AttentionStages = 3;

    /// <summary>Of a row; beyond, the two products more take longer than what they save.</summary>
    private const int LongestTurnedBack = 2048;

    /// <summary>As attention.cu has it, where it is filled up to a multiple of 64 bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Size = 384)]
    private struct AttentionWork
    {
        public Map Qkv, Gradient;
        public ulong Output, LogSums, Stats, Result, Tiles, Positions, Cosine, Sine, Taken;
        public long RowSums, HeadSums;
        public int EndToEnd, TileCount, Tokens, Heads, KeyHeads;
        public float Scale;
    }

    public override Tensor? AttentionTurnedBack(Tensor gradient, Tensor qkv, HeadLayout heads, FusedPass pass, AttentionResult forward)
    {
        var rows = pass.Rows.Attention;
        if (CudaDevice.Capability() != CudaDevice.Hopper || !TensorMap.IsThere || qkv.dtype != bfloat16 || heads.Dim is not (64 or 128)
            || heads.Window < rows.MaxKeys || rows.Tiles is not { } tiles || rows.MaxKeys > LongestTurnedBack)
        {
            return null;
        }
        using var scope = NewDisposeScope();
        var tokens = qkv.size(0);
        var sums = forward.LogSumExp; // of flash attention [heads, T], of cuDNN [rows, heads, tokens, 1]
        var endToEnd = sums.dim() == 2;
        var result = empty_like(qkv);
        AttentionWork work = new()
        {
            Output = At(forward.Output),
            LogSums = At(sums),
            Stats = At(empty([heads.Query, tokens, 2], float32, qkv.device)),
            Result = At(result),
            Tiles = At(tiles),
            Positions = At(pass.Rows.Positions),
            Cosine = At(pass.Cos),
            Sine = At(pass.Sin),
            Taken = At(zeros([2], int32, qkv.device)),
            RowSums = endToEnd ? 0 : sums.stride(0),
            HeadSums = sums.stride(endToEnd ? 0 : 1),
            EndToEnd = endToEnd ? 1 : 0,
            TileCount = (int)tiles.size(0),
            Tokens = (int)tokens,
            Heads = heads.Query,
            KeyHeads = heads.KeyValue,
            Scale = (float)(1 / Math.Sqrt(heads.Dim)),
        };
        Show(ref work.Qkv, qkv, AttentionStep);
        Show(ref work.Gradient, gradient, AttentionStep);
        // Two tiles' own operands, a ring of what they meet, and what is known of each token of it.
        var sharedBytes = (8 + (2 * AttentionStages)) * AttentionStep * heads.Dim * sizeof(ushort)
            + (AttentionStages * AttentionStep * sizeof(long)) + 256;
        foreach (var kernel in new[] { "attendQueries", "attendKeys" })
        {
            _program.Launch(kernel + heads.Dim, (s_processors.Value, 1), AttentionThreads, [], &work, sharedBytes);
        }
        return result.MoveToOuterDisposeScope();
    }
}
