using LoraAspire.Model.Native;
using LoraAspire.Model.Network.Quantised;
using static TorchSharp.torch;

namespace LoraAspire.Model.Network;

/// <summary>What every layer of one forward pass shares.</summary>
/// <param name="Mask">Per distinct window: [batch or 1, 1, queries, keys], true where a query sees a key; null is plain causal.</param>
internal sealed record Pass(Tensor Cos, Tensor Sin, IReadOnlyDictionary<int, Tensor?> Masks, KvCache? Cache, bool Causal, bool Training);

/// <summary>The norms before attention and MLP, and, where a family has them, on what these give.</summary>
internal sealed record LayerNorms(RmsNorm Attention, RmsNorm Mlp, RmsNorm? AttentionOutput = null, RmsNorm? MlpOutput = null)
{
    /// <summary>Under the names of their weights in a checkpoint.</summary>
    public IEnumerable<(string Name, RmsNorm Norm)> Named => AttentionOutput is null || MlpOutput is null
        ? [("input_layernorm", Attention), ("post_attention_layernorm", Mlp)]
        : [("input_layernorm", Attention), ("post_attention_layernorm", AttentionOutput), ("pre_feedforward_layernorm", Mlp),
            ("post_feedforward_layernorm", MlpOutput)];
}

/// <summary>x + attention(norm(x)), then x + mlp(norm(x)).</summary>
internal sealed record DecoderLayer(int Index, LayerNorms Norms, SelfAttention Attention, GatedMlp Mlp) : IDisposable
{
    /// <param name="weight">Gives a weight by its name in a checkpoint and its shape.</param>
    /// <param name="quantised">Gives a linear layer's weight where it is to be held in fewer bits; null elsewhere.</param>
    public static DecoderLayer Of(ModelConfig config, int index, Func<string, long[], Tensor> weight,
        Func<string, long[], QuantisedWeight?>? quantised = null)
    {
        int hidden = config.HiddenSize, width = config.NumAttentionHeads * config.HeadDim, kvWidth =
            config.NumKeyValueHeads * config.HeadDim;
        Linear Linear(string name, long output, long input, bool bias = false)
        {
            name = $"model.layers.{index}.{name}";
            var held = quantised?.Invoke(name + ".weight", [output, input]);
            var plain = held is null ? weight(name + ".weight", [output, input]) : null;
            var offset = bias ? weight(name + ".bias", [output]) : null;
            return held is null ? new(name, plain!, offset) : new(name, held, offset);
        }
        RmsNorm Norm(string name, long size) =>
            new(weight($"model.layers.{index}.{name}.weight", [size]), config.RmsNormEps, config.NormPlusOne);

        // With norms on outputs, "post_attention" says where it stands: behind the attention, no longer before the MLP.
        LayerNorms norms = config.OutputNorms
            ? new(Norm("input_layernorm", hidden), Norm("pre_feedforward_layernorm", hidden), Norm("post_attention_layernorm", hidden),
                Norm("post_feedforward_layernorm", hidden))
            : new(Norm("input_layernorm", hidden), Norm("post_attention_layernorm", hidden));
        return new DecoderLayer(index, norms, new SelfAttention(config,
            Linear("self_attn.q_proj", width, hidden, config.QkvBias),
            Linear("self_attn.k_proj", kvWidth, hidden, config.QkvBias),
            Linear("self_attn.v_proj", kvWidth, hidden, config.QkvBias),
            Linear("self_attn.o_proj", hidden, width, config.OutputBias),
            config.QkNorm ? Norm("self_attn.q_norm", config.HeadDim) : null,
            config.QkNorm ? Norm("self_attn.k_norm", config.HeadDim) : null), new GatedMlp(config,
            Linear("mlp.gate_proj", config.IntermediateSize, hidden),
            Linear("mlp.up_proj", config.IntermediateSize, hidden),
            Linear("mlp.down_proj", hidden, config.IntermediateSize)));
    }

    public IEnumerable<Linear> Linears => [.. Attention.Linears, .. Mlp.Linears];

    /// <summary>The norms under the names of their weights in a checkpoint.</summary>
    public IEnumerable<(string Name, RmsNorm Norm)> NamedNorms =>
        Norms.Named.Concat(Attention.NamedNorms).Select(item => ($"model.layers.{Index}.{item.Name}.weight", item.Norm));

    public Tensor Forward(Tensor x, Pass pass)
    {
        // Handles go with the scope; what the backward needs, autograd keeps.
        using var scope = NewDisposeScope();
        x = x.add(Normed(Attention.Forward(Norms.Attention.Forward(x), Index, pass), Norms.AttentionOutput), Scalars.One);
        return x.add(Normed(Mlp.Forward(Norms.Mlp.Forward(x), pass.Training), Norms.MlpOutput), Scalars.One).MoveToOuterDisposeScope();
    }

    internal static Tensor Normed(Tensor x, RmsNorm? norm) => norm?.Forward(x) ?? x;

    public void Dispose() => TensorGroup.DisposeAll([.. Linears, .. NamedNorms.Select(item => item.Norm)]);
}
