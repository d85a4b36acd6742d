using LoraAspire.Model.Network;

namespace LoraAspire.Model.Export.Gguf;

/// <summary>A weight of the network: its name on Hugging Face and in a GGUF file, and what becomes of its numbers.</summary>
internal sealed record NamedTensor(string Name, string Gguf, IReadOnlyList<long> Shape)
{
    /// <summary>Rows of a head whose halves are shuffled like cards, so that rotary pairs are neighbours; 0 leaves them.</summary>
    public int HeadRows { get; init; }

    /// <summary>Multiplies every number…</summary>
    public float Scale { get; init; } = 1;

    /// <summary>…and is added.</summary>
    public float Offset { get; init; }

    /// <summary>The embedding where it is the head too, or the head: kept at 8 bits where the rest has 4.</summary>
    public bool IsHead { get; init; }

    public string Layer => Name[..Name.LastIndexOf('.')];
}

/// <summary>Every weight that a model of this configuration has, in the order of the file.</summary>
internal static class TensorNames
{
    public static IReadOnlyList<NamedTensor> Of(ModelConfig model, Architecture architecture)
    {
        long hidden = model.HiddenSize;
        var linears = LayerLinears.Of(model);
        List<NamedTensor> tensors =
        [
            new("model.embed_tokens.weight", "token_embd.weight", [model.VocabSize, hidden]) { IsHead = model.TieWordEmbeddings },
        ];
        for (var layer = 0; layer < model.NumHiddenLayers; layer++)
        {
            var (from, to) = ($"model.layers.{layer}.", $"blk.{layer}.");
            var turned = architecture.PairsNeighbours ? model.HeadDim : 0;
            Norm("input_layernorm", "attn_norm");
            Linear(linears.Query, "attn_q", turned,
                model.AttentionScale is { } scale ? (float)(scale / architecture.AttentionScale(model)) : 1);
            Linear(linears.Key, "attn_k", turned);
            Linear(linears.Value, "attn_v");
            Linear(linears.Output, "attn_output");
            if (model.QkNorm)
            {
                Norm("self_attn.q_norm", "attn_q_norm", model.HeadDim);
                Norm("self_attn.k_norm", "attn_k_norm", model.HeadDim);
            }
            Norm("post_attention_layernorm", model.OutputNorms ? "post_attention_norm" : "ffn_norm");
            if (model.OutputNorms)
            {
                Norm("pre_feedforward_layernorm", "ffn_norm");
                Norm("post_feedforward_layernorm", "post_ffw_norm");
            }
            Linear(linears.Gate, "ffn_gate");
            Linear(linears.Up, "ffn_up");
            Linear(linears.Down, "ffn_down");

            void Norm(string name, string gguf, long? size = null) =>
                tensors.Add(OfNorm($"{from}{name}.weight", $"{to}{gguf}.weight", size ?? hidden, model));
            void Linear(LinearShape linear, string gguf, int headRows = 0, float scaled = 1)
            {
                void Add(string part, params long[] shape) => tensors.Add(
                    new($"{from}{linear.Name}.{part}", $"{to}{gguf}.{part}", shape) { HeadRows = headRows, Scale = scaled });
                Add("weight", linear.Outputs, linear.Inputs);
                if (linear.HasBias)
                {
                    Add("bias", linear.Outputs);
                }
            }
        }
        tensors.Add(OfNorm("model.norm.weight", "output_norm.weight", hidden, model));
        if (!model.TieWordEmbeddings)
        {
            tensors.Add(new("lm_head.weight", "output.weight", [model.VocabSize, hidden]) { IsHead = true });
        }
        return tensors;
    }

    /// <summary>Gemma's norms multiply by 1 + weight; llama.cpp's by what the file says.</summary>
    private static NamedTensor OfNorm(string name, string gguf, long size, ModelConfig model) =>
        new(name, gguf, [size]) { Offset = model.NormPlusOne ? 1 : 0 };
}
