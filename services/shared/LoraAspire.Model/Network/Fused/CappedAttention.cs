using LoraAspire.Model.Native;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network.Fused;

/// <summary>
/// Causal attention whose scores have a scale and a cap of their own, for which libtorch has none: softmax(c·tanh(q·kᵀ·scale / c))·v, from
/// the products on in float32, some heads of some rows at a time. The backward makes the scores again.
/// </summary>
internal static class CappedAttention
{
    /// <summary>Scores that are there together: 256 MiB in float32.</summary>
    private const long ScoresAtOnce = 1 << 26;

    /// <summary>How often they are there in the backward: products, tanh, softmax, their gradients.</summary>
    private const int Copies = 6;

    /// <summary>What it takes of a micro-batch of so many tokens, at most; 0 where scores are as libtorch's attention makes them.</summary>
    public static long Bytes(ModelConfig config, int tokens)
    {
        var ofHead = (long)tokens * tokens; // which are there together in any case
        return config.HasUsualScores ? 0
            : Copies * sizeof(float) * Math.Min(Math.Max(ScoresAtOnce, ofHead), config.NumAttentionHeads * ofHead);
    }

    /// <param name="qkv">[T, q|k|v]</param>
    /// <returns>[T, heads·dim]; the backward needs nothing else of it.</returns>
    public static AttentionResult Forward(Tensor qkv, HeadLayout heads, PackedRows rows)
    {
        using var scope = NewDisposeScope();
        var layout = rows.Attention;
        var (q, k, v) = OfHeads(TorchKernels.Split(qkv, heads, layout));
        var mask = Mask(heads, layout, qkv.device);
        var output = empty_like(q);
        foreach (var (start, count) in Parts(q))
        {
            using var part = NewDisposeScope();
            Tensor Own(Tensor x) => x.narrow(0, start, count);
            var (_, p) = Softmax(Own(q), Own(k), heads, mask);
            Own(output).copy_(matmul(p.to_type(q.dtype), Own(v)));
        }
        var joined = TorchKernels.Join(InRows(output, heads, layout));
        return new((layout.Spread?.In(joined) ?? joined).MoveToOuterDisposeScope(), empty(0).MoveToOuterDisposeScope(), null, null);
    }

    /// <summary>
    /// With P the softmax and t the tanh: dV = Pᵀ·dO, dS = P ⊙ (dO·Vᵀ − rowsum(P ⊙ dO·Vᵀ)) ⊙ (1 − t²) · scale, dQ = dS·K, dK = dSᵀ·Q.
    /// </summary>
    /// <param name="gradient">∂L/∂output [T, heads·dim]</param>
    public static (Tensor Dq, Tensor Dk, Tensor Dv) Backward(Tensor gradient, Tensor qkv, HeadLayout heads, PackedRows rows)
    {
        using var scope = NewDisposeScope();
        var layout = rows.Attention;
        var (q, k, v) = OfHeads(TorchKernels.Split(qkv, heads, layout));
        var mask = Mask(heads, layout, qkv.device);
        // What is laid out several times has its gradient once.
        var all = OfHeads((layout.Spread?.OutOnce(gradient) ?? gradient).view(layout.Rows, layout.MaxKeys, heads.Query, heads.Dim)
            .transpose(1, 2));
        Tensor dq = empty_like(q), dk = empty_like(q), dv = empty_like(q);
        foreach (var (start, count) in Parts(q))
        {
            using var part = NewDisposeScope();
            Tensor Own(Tensor x) => x.narrow(0, start, count);
            var (t, p) = Softmax(Own(q), Own(k), heads, mask);
            Own(dv).copy_(matmul(p.to_type(q.dtype).transpose(1, 2), Own(all)));
            var dp = matmul(Own(all), Own(v).transpose(1, 2)).to_type(float32);
            var ds = p.mul(dp).sum(-1, keepdim: true).neg_().add(dp, Scalars.One).mul_(p);
            ds = (t is null ? ds : ds.addcmul_(ds.mul(t), t, Scalars.MinusOne)).mul_(Scale(heads)).to_type(q.dtype);
            Own(dq).copy_(matmul(ds, Own(k)));
            Own(dk).copy_(matmul(ds.transpose(1, 2), Own(q)));
        }
        Tensor Rows(Tensor x) => InRows(x, heads, layout);
        var (ofQ, ofK, ofV) = TorchKernels.OfTokens(Rows(dq), Rows(dk), Rows(dv), heads, layout);
        return (ofQ.MoveToOuterDisposeScope(), ofK.MoveToOuterDisposeScope(), ofV.MoveToOuterDisposeScope());
    }

    /// <returns>What the cap makes of the scores, over c, where there is one; and the softmax.</returns>
    private static (Tensor? Capped, Tensor P) Softmax(Tensor q, Tensor k, HeadLayout heads, Tensor mask)
    {
        var scores = matmul(q, k.transpose(1, 2)).to_type(float32).mul_(Scale(heads));
        if (heads.Cap is not { } cap)
        {
            return (null, scores.add_(mask, Scalars.One).softmax(-1));
        }
        var t = scores.div_(cap.AsScalar()).tanh_();
        return (t, t.mul(cap.AsScalar()).add_(mask, Scalars.One).softmax(-1));
    }

    /// <summary>[rows, heads, L, dim] as [rows·heads, L, dim].</summary>
    private static Tensor OfHeads(Tensor x) => x.reshape(-1, x.size(2), x.size(3));

    private static (Tensor, Tensor, Tensor) OfHeads((Tensor Q, Tensor K, Tensor V) x) => (OfHeads(x.Q), OfHeads(x.K), OfHeads(x.V));

    private static Tensor InRows(Tensor x, HeadLayout heads, AttentionRows rows) => x.view(rows.Rows, heads.Query, rows.MaxKeys, heads.Dim);

    private static TorchSharp.Scalar Scale(HeadLayout heads) => (heads.Scale ?? 1 / Math.Sqrt(heads.Dim)).AsScalar();

    private static Tensor Mask(HeadLayout heads, AttentionRows rows, Device device) =>
        TorchKernels.Mask(heads.Window ?? rows.MaxKeys, rows.MaxKeys, device);

    private static IEnumerable<(long Start, long Count)> Parts(Tensor q)
    {
        var at = Math.Max(1, ScoresAtOnce / (q.size(1) * q.size(1)));
        for (long start = 0; start < q.size(0); start += at)
        {
            yield return (start, Math.Min(at, q.size(0) - start));
        }
    }
}
