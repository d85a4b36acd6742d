using LoraAspire.Model.Native;
using LoraAspire.Model.Network;
using LoraAspire.Model.Weights;
using static TorchSharp.torch;

namespace LoraAspire.Model.Generation.Cuda;

/// <summary>Addresses of one layer's weights, bfloat16; 0 where the family has no such weight.</summary>
/// <param name="Qkv">q over k over v: [(heads + 2·kv_heads)·head_dim, hidden].</param>
/// <param name="GateUp">gate over up: [2·intermediate, hidden].</param>
internal sealed record LayerAddresses(nint Qkv, nint Output, nint GateUp, nint Down, nint AttentionNorm, nint MlpNorm)
{
    public nint QkvBias { get; init; }
    public nint OutputBias { get; init; }
    public nint QueryNorm { get; init; }
    public nint KeyNorm { get; init; }
    public nint AttentionOutputNorm { get; init; }
    public nint MlpOutputNorm { get; init; }
}

/// <summary>A model's weights on the device, in bfloat16, with those that read the same input stacked.</summary>
internal sealed class CudaWeights : IDisposable
{
    private readonly List<Tensor> _held = [];

    private CudaWeights(ModelConfig config, Func<string[], long[][], Tensor> take)
    {
        nint Take(string[] names, params long[][] shapes)
        {
            var tensor = take(names, shapes);
            _held.Add(tensor);
            return Aten.Data(tensor);
        }
        nint One(string name, params long[] shape) => Take([name + ".weight"], shape);
        long hidden = config.HiddenSize;
        var linears = LayerLinears.Of(config);
        Embedding = One("model.embed_tokens", config.VocabSize, hidden);
        Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(index =>
        {
            var at = $"model.layers.{index}";
            LinearShape[] qkv = [linears.Query, linears.Key, linears.Value];
            nint Weight(params LinearShape[] of) => Take([.. of.Select(linear => linear.In(index) + ".weight")],
                [.. of.Select(linear => new long[] { linear.Outputs, linear.Inputs })]);
            nint Bias(params LinearShape[] of) => of.All(linear => linear.HasBias)
                ? Take([.. of.Select(linear => linear.In(index) + ".bias")], [.. of.Select(linear => new long[] { linear.Outputs })]) : 0;
            nint Norm(string name, long width) => One($"{at}.{name}", width);
            return new LayerAddresses(
                Weight(qkv), Weight(linears.Output), Weight(linears.Gate, linears.Up), Weight(linears.Down),
                Norm("input_layernorm", hidden),
                Norm(config.OutputNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm", hidden))
            {
                QkvBias = Bias(qkv),
                OutputBias = Bias(linears.Output),
                QueryNorm = config.QkNorm ? Norm("self_attn.q_norm", config.HeadDim) : 0,
                KeyNorm = config.QkNorm ? Norm("self_attn.k_norm", config.HeadDim) : 0,
                AttentionOutputNorm = config.OutputNorms ? Norm("post_attention_layernorm", hidden) : 0,
                MlpOutputNorm = config.OutputNorms ? Norm("post_feedforward_layernorm", hidden) : 0,
            };
        })];
        LastNorm = One("model.norm", hidden);
        Head = config.TieWordEmbeddings ? Embedding : One("lm_head", config.VocabSize, hidden);
    }

    /// <summary>[vocab, hidden]</summary>
    public nint Embedding { get; }
    public IReadOnlyList<LayerAddresses> Layers { get; }
    public nint LastNorm { get; }
    /// <summary>[vocab, hidden]; the embedding's where they share it.</summary>
    public nint Head { get; }

    /// <summary>From a folder's files.</summary>
    /// <exception cref="ModelException">A weight is missing, or the device's memory doesn't hold them.</exception>
    public static CudaWeights Load(WeightFiles files, ModelConfig config)
    {
        using WeightReader reader = new(files, CUDA);
        return reader.Complete(new CudaWeights(config, (names, shapes) =>
        {
            using var scope = NewDisposeScope();
            var stack = empty([shapes.Sum(shape => shape[0]), .. shapes[0][1..]], bfloat16, CUDA);
            long row = 0;
            foreach (var (name, shape) in names.Zip(shapes))
            {
                reader.Into(name, shape, stack.narrow(0, row, shape[0]));
                row += shape[0];
            }
            return stack.DetachFromDisposeScope();
        }));
    }

    /// <summary>A loaded model's own, which stays their owner. Those that are stacked here become views of the stack there.</summary>
    public static CudaWeights Of(LlamaModel model)
    {
        using var noGrad = no_grad();
        var linears = model.Linears.ToDictionary(linear => linear.Name);
        var all = model.Weights().ToDictionary(weight => weight.Name, weight => weight.Tensor);
        return new CudaWeights(model.Config, (names, _) =>
        {
            if (names.Length == 1 || LieTogether([.. names.Select(name => all[name])]))
            {
                return all[names[0]].alias().DetachFromDisposeScope();
            }
            var stack = cat([.. names.Select(name => all[name])]).DetachFromDisposeScope();
            long row = 0;
            foreach (var name in names)
            {
                var rows = all[name].size(0);
                if (name.EndsWith(".weight", StringComparison.Ordinal))
                {
                    linears[name[..^".weight".Length]].PointAt(stack.narrow(0, row, rows).DetachFromDisposeScope());
                }
                row += rows;
            }
            return stack;
        });
    }

    /// <summary>Each begins where the one before it ends, as a fused training path leaves them.</summary>
    private static bool LieTogether(Tensor[] tensors) =>
        tensors.Zip(tensors.Skip(1)).All(pair =>
            Aten.Data(pair.First) + (nint)(pair.First.numel() * sizeof(ushort)) == Aten.Data(pair.Second));

    public void Dispose() => TensorGroup.DisposeAll(_held);
}
