using LoraAspire.Model.Native;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network;

/// <summary>Causal attention of grouped heads, with norms on the heads of query and key where a family has them.</summary>
internal sealed record SelfAttention(ModelConfig Config, Linear Query, Linear Key, Linear Value, Linear Output, RmsNorm? QueryNorm,
    RmsNorm? KeyNorm)
{
    public IEnumerable<Linear> Linears => [Query, Key, Value, Output];

    public IEnumerable<(string Name, RmsNorm Norm)> NamedNorms =>
        QueryNorm is null || KeyNorm is null ? [] : [("self_attn.q_norm", QueryNorm), ("self_attn.k_norm", KeyNorm)];

    /// <param name="x">[batch, length, hidden]</param>
    /// <param name="layer">Its place in the cache, and in the list of windows.</param>
    public Tensor Forward(Tensor x, int layer, Pass pass)
    {
        var (q, k, v) = Project(x, pass.Cos, pass.Sin, (linear, input) => linear.Forward(input, pass.Training));
        if (pass.Cache is { } cache)
        {
            (k, v) = cache.Append(layer, k, v);
        }
        var context = Attend(q, k, v, pass.Masks[Config.SlidingWindow[layer] ?? 0], pass.Causal);
        return Output.Forward(Joined(context), pass.Training);
    }

    /// <summary>Queries, keys and values, each [batch, heads, length, head_dim], turned by their positions.</summary>
    /// <param name="cos">[length, head_dim], as <paramref name="sin"/>.</param>
    /// <param name="apply">A linear layer to its input [batch, length, in].</param>
    internal (Tensor Q, Tensor K, Tensor V) Project(Tensor x, Tensor cos, Tensor sin, Func<Linear, Tensor, Tensor> apply)
    {
        Tensor Heads(Linear linear, RmsNorm? norm, long count)
        {
            var heads = apply(linear, x).view(x.size(0), x.size(1), count, Config.HeadDim);
            return (norm?.Forward(heads) ?? heads).transpose(1, 2);
        }
        return (Rope.Apply(Heads(Query, QueryNorm, Config.NumAttentionHeads), cos, sin),
            Rope.Apply(Heads(Key, KeyNorm, Config.NumKeyValueHeads), cos, sin), Heads(Value, null, Config.NumKeyValueHeads));
    }

    /// <summary>[batch, heads, length, head_dim]</summary>
    /// <param name="q">[batch, heads, length, head_dim]</param>
    /// <param name="k">[batch, kv_heads, keys, head_dim], as <paramref name="v"/>.</param>
    /// <param name="mask">True where a query sees a key; null is plain causal, or all.</param>
    internal Tensor Attend(Tensor q, Tensor k, Tensor v, Tensor? mask, bool causal)
    {
        var groups = Config.NumAttentionHeads / Config.NumKeyValueHeads;
        return Config.HasUsualScores
            ? F.scaled_dot_product_attention(q, Repeat(k, groups), Repeat(v, groups), mask!, is_casual: causal && mask is null)
            : CappedAttention(q, Repeat(k, groups), Repeat(v, groups), mask, causal);
    }

    /// <summary>The heads of each position side by side: [batch, length, heads · head_dim].</summary>
    internal static Tensor Joined(Tensor context) =>
        context.transpose(1, 2).reshape(context.size(0), context.size(2), context.size(1) * context.size(3));

    /// <summary>softmax(cap(q·kᵀ·scale))·v, the softmax in float32: libtorch's own attention has neither cap nor scale.</summary>
    private Tensor CappedAttention(Tensor q, Tensor k, Tensor v, Tensor? mask, bool causal)
    {
        var scores = matmul(q, k.transpose(2, 3)).mul((Config.AttentionScale ?? 1 / Math.Sqrt(Config.HeadDim)).AsScalar());
        scores = Config.ScoreCap is { } cap ? Activations.Cap(scores, cap) : scores;
        var visible = mask ?? (causal ? ones(q.size(2), k.size(2), @bool, q.device).tril() : null);
        scores = visible is null ? scores : scores.masked_fill(visible.logical_not(), double.NegativeInfinity.AsScalar());
        return matmul(F.softmax(scores.to_type(float32), -1).to_type(q.dtype), v);
    }

    /// <summary>Grouped-query attention: each key/value head serves <paramref name="groups"/> query heads.</summary>
    private static Tensor Repeat(Tensor x, long groups)
    {
        if (groups == 1)
        {
            return x;
        }
        var (batch, heads, length, dim) = (x.size(0), x.size(1), x.size(2), x.size(3));
        return x.unsqueeze(2).expand(batch, heads, groups, length, dim).reshape(batch, heads * groups, length, dim);
    }
}
