using LoraAspire.Model.Generation.Cpu.Matrices;
using LoraAspire.Model.Network;

namespace LoraAspire.Model.Generation.Cpu.Loading;

/// <summary>A linear layer y = x·Wᵀ + b.</summary>
/// <param name="Name">Its path in the model.</param>
internal sealed record CpuLinear(string Name, Matrix Weight, NativeBuffer? Bias);

/// <summary>A decoder layer's weights; norms that the family doesn't have are null.</summary>
internal sealed record CpuLayer(NativeBuffer InputNorm, NativeBuffer? AttentionOutputNorm, NativeBuffer MlpNorm,
    NativeBuffer? MlpOutputNorm, NativeBuffer? QueryNorm, NativeBuffer? KeyNorm, IReadOnlyList<CpuLinear> Linears)
{
    public const int Query = 0, Key = 1, Value = 2, Output = 3, Gate = 4, Up = 5, Down = 6;
}

/// <summary>All weights of a model, as a pass computes with them.</summary>
internal sealed class CpuNetwork : IDisposable
{
    private readonly List<IDisposable> _owned = [];

    /// <param name="read">A tensor of a shape by its name in a checkpoint.</param>
    public CpuNetwork(ModelConfig config, MatrixMaker maker, Func<string, long[], RawWeights> read)
    {
        Config = config;
        var (hidden, linears) = (config.HiddenSize, LayerLinears.Of(config).All);
        Matrix Weight(string name, int outputs, int inputs) => Own(maker.Make(read(name + ".weight", [outputs, inputs]), outputs, inputs));
        NativeBuffer Vector(string name, int length, float plus) => Own(MatrixMaker.Vector(read(name, [length]), length, plus));
        NativeBuffer Norm(string name, int length) => Vector(name + ".weight", length, config.NormPlusOne ? 1 : 0);
        CpuLinear Linear(string name, LinearShape of) =>
            new(name, Weight(name, of.Outputs, of.Inputs), of.HasBias ? Vector(name + ".bias", of.Outputs, 0) : null);
        try
        {
            Embedding = Weight("model.embed_tokens", config.VocabSize, hidden);
            Layers = [.. Enumerable.Range(0, config.NumHiddenLayers).Select(index =>
            {
                var at = $"model.layers.{index}";
                var beforeMlp = config.OutputNorms ? "pre_feedforward_layernorm" : "post_attention_layernorm";
                return new CpuLayer(Norm($"{at}.input_layernorm", hidden),
                    config.OutputNorms ? Norm($"{at}.post_attention_layernorm", hidden) : null, Norm($"{at}.{beforeMlp}", hidden),
                    config.OutputNorms ? Norm($"{at}.post_feedforward_layernorm", hidden) : null,
                    config.QkNorm ? Norm($"{at}.self_attn.q_norm", config.HeadDim) : null,
                    config.QkNorm ? Norm($"{at}.self_attn.k_norm", config.HeadDim) : null,
                    [.. linears.Select(linear => Linear(linear.In(index), linear))]);
            })];
            LastNorm = Norm("model.norm", hidden);
            Head = config.TieWordEmbeddings ? Embedding : Weight("lm_head", config.VocabSize, hidden);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public ModelConfig Config { get; }

    public Matrix Embedding { get; }

    public IReadOnlyList<CpuLayer> Layers { get; }

    public NativeBuffer LastNorm { get; }

    public Matrix Head { get; }

    private T Own<T>(T part) where T : IDisposable
    {
        _owned.Add(part);
        return part;
    }

    public void Dispose() => _owned.ForEach(part => part.Dispose());
}
