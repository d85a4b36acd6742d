namespace LoraAspire.Model.Network;

/// <summary>A linear layer of a decoder layer: its name there, and the shape of its weight, [outputs, inputs].</summary>
public sealed record LinearShape(string Name, int Outputs, int Inputs, bool HasBias)
{
    /// <summary>The name in a checkpoint of Hugging Face.</summary>
    public string In(int layer) => $"model.layers.{layer}.{Name}";
}

/// <summary>The linear layers that every decoder layer of the Llama family has.</summary>
public sealed record LayerLinears(LinearShape Query, LinearShape Key, LinearShape Value, LinearShape Output,
    LinearShape Gate, LinearShape Up, LinearShape Down)
{
    public const int Count = 7;

    /// <summary>In the order in which they compute.</summary>
    public IReadOnlyList<LinearShape> All => [Query, Key, Value, Output, Gate, Up, Down];

    public static LayerLinears Of(ModelConfig config) => Of(config.HiddenSize, config.IntermediateSize,
        config.NumAttentionHeads * config.HeadDim, config.NumKeyValueHeads * config.HeadDim, config.QkvBias, config.OutputBias);

    /// <param name="query">Heads times the width of one; <paramref name="keys"/> those of keys and values.</param>
    public static LayerLinears Of(int hidden, int inner, int query, int keys, bool qkvBias = false, bool outputBias = false) => new(
        new("self_attn.q_proj", query, hidden, qkvBias), new("self_attn.k_proj", keys, hidden, qkvBias),
        new("self_attn.v_proj", keys, hidden, qkvBias), new("self_attn.o_proj", hidden, query, outputBias),
        new("mlp.gate_proj", inner, hidden, false), new("mlp.up_proj", inner, hidden, false), new("mlp.down_proj", hidden, inner, false));
}
