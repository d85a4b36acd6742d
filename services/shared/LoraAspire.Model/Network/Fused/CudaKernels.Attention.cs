using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Attention on packed rows: libtorch's flash attention; where rows are alike and long enough, cuDNN's, which takes two thirds of the time.
/// The backward that <see cref="AttentionTurnedBack"/> isn't for is theirs too.
/// </summary>
internal sealed unsafe partial class CudaKernels
{
    /// <summary>cuDNN compiles for each length and number of rows: those that are cut or packed to one have a multiple of this.</summary>
    private const int CudnnStep = 64;

    private const int ShortestForCudnn = 256;

    private readonly bool _hasCudnn = CudaDevice.Capability() >= CudaDevice.Hopper && CudnnAttention.IsThere;

    public override AttentionResult Attention(Tensor qkv, HeadLayout heads, PackedRows rows)
    {
        using var scope = NewDisposeScope();
        var layout = rows.Attention;
        var (q, k, v) = Split(qkv, heads, layout);
        if (ByCudnn(heads, layout))
        {
            var (o, sums, seed, offset) = CudnnAttention.Forward(InRows(q, layout), InRows(k, layout), InRows(v, layout));
            return new AttentionResult(o.transpose(1, 2).reshape(qkv.size(0), heads.QueryWidth).MoveToOuterDisposeScope(),
                sums.MoveToOuterDisposeScope(), seed.MoveToOuterDisposeScope(), offset.MoveToOuterDisposeScope());
        }
        var (left, right) = Window(heads);
        var result = Aten.Call("aten::_flash_attention_forward", 5, q, k, v, Aten.Argument.Some(layout.QueryStarts!),
            Aten.Argument.Some(layout.KeyStarts!), (long)layout.MaxQueries, (long)layout.MaxKeys,
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
        var layout = rows.Attention;
        var (q, k, v) = Split(qkv, heads, layout);
        Tensor Heads(Tensor x) => x.view(-1, heads.Query, heads.Dim);
        if (ByCudnn(heads, layout))
        {
            Tensor Rows(Tensor x) => InRows(x, layout);
            var (rowsDq, rowsDk, rowsDv) = CudnnAttention.Backward(Rows(Heads(gradient)), Rows(q), Rows(k), Rows(v),
                Rows(Heads(forward.Output)), forward.LogSumExp, forward.Seed!, forward.Offset!);
            Tensor EndToEnd(Tensor x) => x.transpose(1, 2).reshape(qkv.size(0), -1).MoveToOuterDisposeScope();
            return (EndToEnd(rowsDq), EndToEnd(rowsDk), EndToEnd(rowsDv));
        }
        var (left, right) = Window(heads);
        var result = Aten.Call("aten::_flash_attention_backward", 3, Heads(gradient), q, k, v, Heads(forward.Output), forward.LogSumExp,
            layout.QueryStarts!, layout.KeyStarts!, (long)layout.MaxQueries, (long)layout.MaxKeys, 0.0, true, forward.Seed!,
            forward.Offset!, Aten.Argument.None, left, right);
        var (dk, dv) = layout.Spread is { } spread ? Sums(result[1], result[2], spread) : (result[1], result[2]);
        return (result[0].MoveToOuterDisposeScope(), dk.MoveToOuterDisposeScope(), dv.MoveToOuterDisposeScope());
    }

    /// <summary>Of two at once; each row is read once, and only a shared token's has more than one.</summary>
    /// <param name="x">[places, heads, dim], and the other alike.</param>
    private (Tensor, Tensor) Sums(Tensor x, Tensor other, Spread spread)
    {
        long tokens = spread.Own.size(0), width = x.size(1) * x.size(2);
        Tensor sum = empty([tokens, width], x.dtype, x.device), otherSum = empty_like(sum);
        _program.Launch("sumPlaces", (tokens, 2), 128,
            [At(x), At(other), At(sum), At(otherSum), (ulong)width, At(spread.Own), At(spread.CopyStarts), At(spread.Copies)]);
        return (sum, otherSum);
    }

    private bool ByCudnn(HeadLayout heads, AttentionRows rows) => _hasCudnn && rows.Alike && heads.Window is null
        && heads.Dim is 64 or 128 && rows.MaxKeys >= ShortestForCudnn && rows.MaxKeys % CudnnStep == 0;

    /// <summary>[T, heads, dim] as [rows, heads, tokens, dim], where it lies.</summary>
    private static Tensor InRows(Tensor x, AttentionRows rows) =>
        x.view(rows.Rows, rows.MaxKeys, x.size(1), x.size(2)).transpose(1, 2);

    /// <summary>[tokens, heads, dim] each; k and v with a shared prefix's before each row's own.</summary>
    private static (Tensor Q, Tensor K, Tensor V) Split(Tensor qkv, HeadLayout heads, AttentionRows rows)
    {
        Tensor keys = qkv.narrow(1, heads.QueryWidth, 2 * heads.KeyValueWidth), laid = rows.Spread?.Out(keys) ?? keys;
        Tensor Part(Tensor x, int start, int count) => x.narrow(1, start, count * heads.Dim).view(-1, count, heads.Dim);
        return (Part(qkv, 0, heads.Query), Part(laid, 0, heads.KeyValue), Part(laid, heads.KeyValueWidth, heads.KeyValue));
    }

    /// <summary>Flash attention counts the positions before the query, config.json's window the query too.</summary>
    private static (Aten.Argument Left, Aten.Argument Right) Window(HeadLayout heads) =>
        heads.Window is { } window ? (Aten.Argument.Some(window - 1), Aten.Argument.Some(0)) : (Aten.Argument.None, Aten.Argument.None);
}
