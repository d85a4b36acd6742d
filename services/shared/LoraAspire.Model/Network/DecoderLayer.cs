using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Families;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace LoraAspire.Model.Network;

/// <summary>RMSNorm (Zhang and Sennrich 2019): x / sqrt(mean(x²) + eps) · weight, the mean taken in float32; Gemma's multiplies by 1 + weight, there too.</summary>
internal sealed class RmsNorm(Tensor weight, double epsilon, bool plusOne = false) : IDisposable
{
    public Tensor Weight { get; set; } = weight;

    public Tensor Forward(Tensor x)
    {
        var wide = x.to_type(float32);
        var scale = wide.mul(wide).mean([-1], keepdim: true).add_(epsilon.Kept(), Scalars.One).rsqrt_();
        return plusOne
            ? wide.mul(scale).mul_(Weight.to_type(float32).add(Scalars.One, Scalars.One)).to_type(x.dtype)
            : wide.mul(scale).to_type(x.dtype).mul(Weight);
    }

    public void Dispose() => Weight.Dispose();
}

/// <summary>What every layer of one forward pass shares.</summary>
/// <param name="Mask">Per distinct window: [batch or 1, 1, queries, keys], true where a query sees a key; null is plain causal.</param>
internal sealed record Pass(Tensor Cos, Tensor Sin, IReadOnlyDictionary<int, Tensor?> Masks, KvCache? Cache, bool Causal, bool Training);

/// <summary>The norms before attention and MLP, and, where a family has them, on what these give.</summary>
internal sealed record LayerNorms(RmsNorm Attention, RmsNorm Mlp, RmsNorm? AttentionOutput = null, RmsNorm? MlpOutput = null)
{
    /// <summary>Under the names of their weights in a checkpoint.</summary>
    public IEnumerable<(string Name, RmsNorm Norm)> Named => AttentionOutput is null || MlpOutput is null
        ? [("input_layernorm", Attention), ("post_attention_layernorm", Mlp)]
        : [("input_layernorm", Attention), ("post_attention_layernorm", AttentionOutput), ("pre_feedforward_layernorm", Mlp), ("post_feedforward_layernorm", MlpOutput)];
}

/// <summary>x + attention(norm(x)), then x + mlp(norm(x)).</summary>
internal sealed record DecoderLayer(
    int Index, ModelConfig Config, LayerNorms Norms,
    Linear Q, Linear K, Linear V, Linear O, RmsNorm? QNorm, RmsNorm? KNorm,
    Linear Gate, Linear Up, Linear Down) : IDisposable
{
    public IEnumerable<Linear> Linears => [Q, K, V, O, Gate, Up, Down];

    /// <summary>The norms under the names of their weights in a checkpoint.</summary>
    public IEnumerable<(string Name, RmsNorm Norm)> NamedNorms =>
        Norms.Named.Concat(new[] { ("self_attn.q_norm", QNorm), ("self_attn.k_norm", KNorm) }.Where(item => item.Item2 is not null).Select(item => (item.Item1, item.Item2!)))
            .Select(item => ($"model.layers.{Index}.{item.Item1}.weight", item.Item2));

    public Tensor Forward(Tensor x, Pass pass)
    {
        // Handles go with the scope; what the backward needs, autograd keeps.
        using var scope = NewDisposeScope();
        x = x.add(Normed(Attention(Norms.Attention.Forward(x), pass), Norms.AttentionOutput), Scalars.One);
        return x.add(Normed(Mlp(Norms.Mlp.Forward(x), pass.Training), Norms.MlpOutput), Scalars.One).MoveToOuterDisposeScope();
    }

    private static Tensor Normed(Tensor x, RmsNorm? norm) => norm?.Forward(x) ?? x;

    private Tensor Attention(Tensor x, Pass pass)
    {
        var (batch, length) = (x.size(0), x.size(1));
        Tensor Heads(Linear linear, RmsNorm? norm, long count)
        {
            var heads = linear.Forward(x, pass.Training).view(batch, length, count, Config.HeadDim);
            return (norm?.Forward(heads) ?? heads).transpose(1, 2); // [batch, heads, length, head_dim]
        }
        var q = Rope.Apply(Heads(Q, QNorm, Config.NumAttentionHeads), pass.Cos, pass.Sin);
        var k = Rope.Apply(Heads(K, KNorm, Config.NumKeyValueHeads), pass.Cos, pass.Sin);
        var v = Heads(V, null, Config.NumKeyValueHeads);
        if (pass.Cache is { } cache)
        {
            (k, v) = cache.Append(Index, k, v);
        }
        var groups = Config.NumAttentionHeads / Config.NumKeyValueHeads;
        var mask = pass.Masks[Config.SlidingWindow[Index] ?? 0];
        var context = Config.ScoreCap is null && Config.AttentionScale is null
            ? F.scaled_dot_product_attention(q, Repeat(k, groups), Repeat(v, groups), mask!, is_casual: pass.Causal && mask is null)
            : CappedAttention(q, Repeat(k, groups), Repeat(v, groups), mask, pass.Causal);
        return O.Forward(context.transpose(1, 2).reshape(batch, length, Config.NumAttentionHeads * Config.HeadDim), pass.Training);
    }

    /// <summary>softmax(cap(q·kᵀ·scale))·v, the softmax in float32: libtorch's own attention has neither cap nor scale.</summary>
    private Tensor CappedAttention(Tensor q, Tensor k, Tensor v, Tensor? mask, bool causal)
    {
        var scores = matmul(q, k.transpose(2, 3)).mul((Config.AttentionScale ?? 1 / Math.Sqrt(Config.HeadDim)).Kept());
        scores = Config.ScoreCap is { } cap ? Activations.Cap(scores, cap) : scores;
        var visible = mask ?? (causal ? ones(q.size(2), k.size(2), @bool, q.device).tril() : null);
        scores = visible is null ? scores : scores.masked_fill(visible.logical_not(), double.NegativeInfinity.Kept());
        return matmul(F.softmax(scores.to_type(float32), -1).to_type(q.dtype), v);
    }

    /// <summary>down(act(gate(x)) · up(x)) (SwiGLU and GeGLU, Shazeer 2020).</summary>
    private Tensor Mlp(Tensor x, bool training) =>
        Down.Forward(Activate(Gate.Forward(x, training)).mul(Up.Forward(x, training)), training);

    private Tensor Activate(Tensor x) => Config.HiddenAct == ActivationField.TanhForm ? Activations.GeluTanh(x) : F.silu(x);

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

    public void Dispose()
    {
        foreach (var part in Linears.Cast<IDisposable>().Concat(NamedNorms.Select(item => item.Norm)))
        {
            part.Dispose();
        }
    }
}
